//! What to ask for, and streams.

use std::io;
use std::path::Path;

use prost::bytes::{Bytes, BytesMut};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};

use crate::connection::Client;
use crate::errors::Failure;
use crate::pb::encode_request::Source;
use crate::pb::encode_stream_request::Part as Sent;
use crate::pb::encode_stream_response::Part as Received;
use crate::pb::{
    AutoQuality, EncodeProgress, EncodeRequest, EncodeResponse, EncodeStreamRequest,
    EncodeStreamStart, Format, Method,
};

/// A WebP that looks as good as the score says: 70 is "high".
pub fn by_score() -> EncodeRequest {
    EncodeRequest {
        format: Format::Webp.into(),
        auto_quality: Some(AutoQuality {
            method: Method::Ssimulacra2.into(),
            target: Some(70.0),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The best JPEG of at most so many bytes.
pub fn by_size(bytes: u32) -> EncodeRequest {
    EncodeRequest {
        format: Format::Jpeg.into(),
        auto_quality: Some(AutoQuality {
            method: Method::Size.into(),
            target: Some(bytes.into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Add the image to a request.
pub fn with_image(request: EncodeRequest, image: Bytes) -> EncodeRequest {
    EncodeRequest {
        source: Some(Source::Image(image)),
        ..request
    }
}

/// Encode one image. The server gets the deadline, and searches within the time that is left.
pub async fn encode(
    client: &Client,
    request: EncodeRequest,
    deadline: Instant,
) -> Result<EncodeResponse, Failure> {
    let answer = client.clone().encode(until(deadline, request)).await?;
    Ok(answer.into_inner())
}

fn until<T>(deadline: Instant, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline.saturating_duration_since(Instant::now()));
    request
}

/// Limits.max_chunk_bytes is 4 MiB by default. Smaller chunks show their progress sooner.
const CHUNK_BYTES: usize = 1 << 20;

/// Stream a file of any size. The answer has its image like that of `encode`.
pub async fn encode_file(
    client: &Client,
    path: &Path,
    request: EncodeRequest,
    deadline: Instant,
    mut progress: impl FnMut(EncodeProgress),
) -> Result<EncodeResponse, Failure> {
    let file = File::open(path).await?;
    let source_bytes = Some(file.metadata().await?.len() as i64);
    let start = EncodeStreamStart {
        request: Some(request),
        source_bytes,
    };
    let (parts, sent) = mpsc::channel(1); // one chunk in memory: a slow server slows the reader
    let sender = tokio::spawn(send(parts, start, file));
    let mut client = client.clone();
    let answer = async {
        let sent = until(deadline, ReceiverStream::new(sent));
        let mut received = client.encode_stream(sent).await?.into_inner();
        let mut answer: Option<EncodeResponse> = None;
        let mut image = BytesMut::new();
        while let Some(message) = received.message().await? {
            match message.part {
                Some(Received::Progress(step)) => progress(step),
                Some(Received::Result(result)) => answer = Some(result),
                Some(Received::Chunk(chunk)) => image.extend_from_slice(&chunk),
                None => {} // a newer server may send more
            }
        }
        let answer = answer.ok_or_else(|| Status::internal("the stream ended without a result"))?;
        Ok(EncodeResponse {
            image: image.freeze(),
            ..answer
        })
    }
    .await;
    match sender.await {
        Ok(Err(unreadable)) => Err(unreadable.into()),
        _ => answer,
    }
}

/// Send the request and its source. Only reading can fail: the call reports its own errors.
async fn send(
    parts: mpsc::Sender<EncodeStreamRequest>,
    start: EncodeStreamStart,
    mut file: File,
) -> io::Result<()> {
    let mut part = Sent::Start(start);
    while parts
        .send(EncodeStreamRequest { part: Some(part) })
        .await
        .is_ok()
    {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        if file.read_buf(&mut chunk).await? == 0 {
            break;
        }
        part = Sent::Chunk(chunk.freeze());
    }
    Ok(())
}
