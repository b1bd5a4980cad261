use std::future::pending;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::transport::{Endpoint, Server, server::TcpIncoming};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt};

use crate::connection::{Bearer, Client, MAX_MESSAGE_BYTES, client};
use crate::encoding::{encode, encode_file, with_image};
use crate::errors::{ATTEMPTS, Failure, retry};
use crate::pb::encode_stream_response::Part;
use crate::pb::encoding_service_client::EncodingServiceClient;
use crate::pb::encoding_service_server::{EncodingService, EncodingServiceServer};
use crate::pb::*;

/// Fails its first calls with the errors given, then succeeds.
#[derive(Clone, Default)]
struct Scripted {
    failures: Vec<Status>,
    /// The number of first calls of `compare` and `encode_stream` that it never answers.
    hanging: usize,
    answer: Vec<u8>,
    calls: Arc<Mutex<Vec<MetadataMap>>>,
}

impl Scripted {
    fn failing(failures: impl Into<Vec<Status>>) -> Self {
        Self {
            failures: failures.into(),
            ..Default::default()
        }
    }

    fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    fn next(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(metadata.clone());
        self.failures
            .get(calls.len() - 1)
            .cloned()
            .map_or(Ok(()), Err)
    }

    /// Start it, and connect to it.
    async fn serve(&self) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service =
            EncodingServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let running = Server::builder().add_service(service);
        tokio::spawn(running.serve_with_incoming(TcpIncoming::from(listener)));
        Endpoint::from_shared(format!("http://{address}")).unwrap()
    }

    async fn client(&self) -> Client {
        client(self.serve().await.connect_lazy(), Bearer::default())
    }
}

#[tonic::async_trait]
impl EncodingService for Scripted {
    async fn encode(
        &self,
        request: Request<EncodeRequest>,
    ) -> Result<Response<EncodeResponse>, Status> {
        self.next(request.metadata())?;
        Ok(Response::new(EncodeResponse {
            image: self.answer.clone().into(),
            ..Default::default()
        }))
    }

    type EncodeStreamStream = ReceiverStream<Result<EncodeStreamResponse, Status>>;

    async fn encode_stream(
        &self,
        request: Request<Streaming<EncodeStreamRequest>>,
    ) -> Result<Response<Self::EncodeStreamStream>, Status> {
        let next = self.next(request.metadata());
        let hanging = self.calls() <= self.hanging;
        let chunk = Part::Chunk(self.answer.clone().into());
        let (parts, sent) = tokio::sync::mpsc::channel(4);
        tokio::spawn(async move {
            let accepted = Part::Progress(EncodeProgress::default());
            let mut answers = vec![Ok(accepted)];
            if let Err(status) = next {
                answers.push(Err(status));
            } else if !hanging {
                let mut received = request.into_inner();
                while received.message().await.is_ok_and(|part| part.is_some()) {}
                answers.extend([Ok(Part::Result(EncodeResponse::default())), Ok(chunk)]);
            }
            for answer in answers {
                let _ = parts
                    .send(answer.map(|part| EncodeStreamResponse { part: Some(part) }))
                    .await;
            }
            if hanging {
                pending::<()>().await;
            }
        });
        Ok(Response::new(ReceiverStream::new(sent)))
    }

    async fn compare(
        &self,
        request: Request<CompareRequest>,
    ) -> Result<Response<CompareResponse>, Status> {
        self.next(request.metadata())?;
        if self.calls() <= self.hanging {
            return pending().await;
        }
        Ok(Response::new(CompareResponse::default()))
    }

    async fn get_server_info(
        &self,
        _: Request<GetServerInfoRequest>,
    ) -> Result<Response<GetServerInfoResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn photograph() -> EncodeRequest {
    with_image(EncodeRequest::default(), vec![0; 2 << 20].into())
}

/// A file of 8 MiB.
fn large_file() -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&vec![0; 8 << 20]).unwrap();
    file
}

async fn stream(server: &Scripted, path: &Path) -> Result<EncodeResponse, Failure> {
    let client = server.client().await;
    let request = EncodeRequest::default();
    retry(soon(), async || {
        encode_file(&client, path, request.clone(), soon(), |_| {}).await
    })
    .await
}

fn code<T>(result: Result<T, Failure>) -> Code {
    match result {
        Ok(_) => Code::Ok,
        Err(Failure::Call(status)) => status.code(),
        Err(Failure::File(error)) => panic!("{error}"),
    }
}

#[tokio::test]
async fn large_answers_need_a_higher_limit() {
    let server = Scripted {
        answer: vec![0; 5 << 20],
        ..Default::default()
    };
    let mut small = EncodingServiceClient::new(server.serve().await.connect_lazy());
    assert_eq!(
        small.encode(photograph()).await.unwrap_err().code(),
        Code::OutOfRange
    );
    let answer = encode(&server.client().await, photograph(), soon())
        .await
        .unwrap();
    assert_eq!(answer.image.len(), 5 << 20);
}

#[tokio::test]
async fn retry_repeats_calls_that_may_succeed_and_no_other() {
    let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(20)));
    let full = Status::with_error_details(Code::ResourceExhausted, "the queue is full", details);
    let lost = Status::unavailable("the server shuts down");
    for (failures, expected, calls) in [
        (vec![full.clone(), full.clone()], Code::Ok, 3),
        (vec![full; 5], Code::ResourceExhausted, ATTEMPTS),
        (vec![lost], Code::Ok, 2),
        (
            vec![Status::resource_exhausted("too large")],
            Code::ResourceExhausted,
            1,
        ),
        (
            vec![Status::invalid_argument("quality: ...")],
            Code::InvalidArgument,
            1,
        ),
    ] {
        let server = Scripted::failing(failures);
        let client = server.client().await;
        let result = retry(soon(), async || encode(&client, photograph(), soon()).await).await;
        assert_eq!((code(result), server.calls()), (expected, calls as usize));
    }
}

#[tokio::test]
async fn without_retry_a_photograph_is_sent_once() {
    let server = Scripted::failing([Status::unavailable("the server shuts down")]);
    let result = encode(&server.client().await, photograph(), soon()).await;
    assert_eq!((code(result), server.calls()), (Code::Unavailable, 1));
}

#[tokio::test]
async fn the_server_gets_the_deadline_of_a_request_but_not_that_of_an_endpoint() {
    let server = Scripted {
        hanging: 2,
        ..Default::default()
    };
    let endpoint = server.serve().await.timeout(Duration::from_millis(50));
    let mut of_endpoint = EncodingServiceClient::new(endpoint.connect_lazy());
    let expired = of_endpoint
        .compare(CompareRequest::default())
        .await
        .unwrap_err();
    assert_eq!(
        (expired.code(), expired.message()),
        (Code::Cancelled, "Timeout expired")
    );

    let mut of_request = EncodingServiceClient::new(server.serve().await.connect_lazy());
    let mut request = Request::new(CompareRequest::default());
    request.set_timeout(Duration::from_millis(50));
    let expired = of_request.compare(request).await.unwrap_err();
    assert_eq!(
        (expired.code(), expired.message()),
        (Code::Cancelled, "Timeout expired")
    );

    let calls = server.calls.lock().unwrap();
    let sent: Vec<_> = calls
        .iter()
        .map(|one| one.contains_key("grpc-timeout"))
        .collect();
    assert_eq!(sent, [false, true]);
}

#[tokio::test]
async fn a_lost_stream_is_repeated() {
    let lost = Status::unavailable("the server shuts down");
    let server = Scripted {
        answer: b"image".into(),
        ..Scripted::failing([lost])
    };
    let answer = stream(&server, large_file().path()).await.unwrap();
    assert_eq!((&answer.image[..], server.calls()), (&b"image"[..], 2));
}

#[tokio::test]
async fn a_refused_stream_reports_the_servers_error_and_a_missing_file_its_own() {
    let server = Scripted::failing([Status::invalid_argument("quality: ...")]);
    assert_eq!(
        code(stream(&server, large_file().path()).await),
        Code::InvalidArgument
    );
    let missing = stream(&server, Path::new("missing")).await.unwrap_err();
    assert!(
        matches!(missing, Failure::File(error) if error.kind() == std::io::ErrorKind::NotFound)
    );
}

/// Forward connections to `server`. Reset the first one after the signal `lost`.
async fn losing_proxy(server: &Endpoint, lost: oneshot::Receiver<()>) -> Endpoint {
    let target = server.uri().authority().unwrap().to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut lost = Some(lost);
        while let Ok((mut caller, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&target).await.unwrap();
            let lost = lost.take();
            tokio::spawn(async move {
                let forwarded = copy_bidirectional(&mut caller, &mut server);
                match lost {
                    Some(lost) => tokio::select! { _ = forwarded => {}, _ = lost => {} },
                    None => drop(forwarded.await),
                }
            });
        }
    });
    Endpoint::from_shared(format!("http://{address}")).unwrap()
}

#[tokio::test]
async fn a_call_whose_connection_is_lost_is_unknown_and_repeated() {
    let server = Scripted {
        hanging: 1,
        ..Default::default()
    };
    let (lose, lost) = oneshot::channel();
    let endpoint = losing_proxy(&server.serve().await, lost).await;
    let client = EncodingServiceClient::new(endpoint.connect_lazy());
    let codes = Mutex::new(Vec::new());
    let calling = retry(soon(), async || {
        let answer = client.clone().compare(CompareRequest::default()).await;
        codes
            .lock()
            .unwrap()
            .push(answer.as_ref().err().map(|status| status.code()));
        Ok(answer?.into_inner())
    });
    let losing = async {
        while server.calls() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        lose.send(()).unwrap();
    };
    let (result, ()) = tokio::join!(calling, losing);
    assert_eq!((code(result), server.calls()), (Code::Ok, 2));
    assert_eq!(codes.into_inner().unwrap(), [Some(Code::Unknown), None]);
}

#[tokio::test]
async fn a_stream_whose_connection_is_lost_is_unknown_and_repeated() {
    let server = Scripted {
        hanging: 1,
        ..Default::default()
    };
    let (lose, lost) = oneshot::channel();
    let mut lose = Some(lose);
    let endpoint = losing_proxy(&server.serve().await, lost).await;
    let client = client(endpoint.connect_lazy(), Bearer::default());
    let (file, request) = (large_file(), EncodeRequest::default());
    let mut failures = Vec::new();
    let result = retry(soon(), async || {
        let on_progress = |_| {
            lose.take().map(|lose| lose.send(()));
        };
        let answer = encode_file(&client, file.path(), request.clone(), soon(), on_progress).await;
        failures.extend(answer.as_ref().err().map(ToString::to_string));
        answer
    })
    .await;
    assert_eq!((code(result), server.calls()), (Code::Ok, 2));
    assert!(failures[0].starts_with("Unknown: "), "{failures:?}");
}

#[test]
fn a_failure_names_reason_fields_and_request() {
    let mut details = ErrorDetails::with_error_info("INVALID_FIELD", "autoquality.v1", []);
    details
        .add_bad_request_violation("quality", "1 to 100")
        .add_bad_request_violation("background", "a colour")
        .set_request_info("abc", "");
    let status = Status::with_error_details(Code::InvalidArgument, "quality: ...", details);
    let text = Failure::from(status).to_string();
    let parts = [
        "InvalidArgument",
        "INVALID_FIELD",
        "field quality: 1 to 100",
        "background",
        "abc",
    ];
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}
