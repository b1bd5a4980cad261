//! Connects to a server.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::{Interceptor, interceptor::InterceptedService};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

use crate::pb::encoding_service_client::EncodingServiceClient;

/// The server returns whole images: the library's default limit is too small for them.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;

pub type Client = EncodingServiceClient<InterceptedService<Channel, Bearer>>;

/// How to secure a connection.
pub enum Security<'a> {
    /// No TLS and no token, for a server on this machine.
    Plaintext,
    /// TLS. Without `ca`, the certificate of the server's authority, those of the system count.
    Tls {
        ca: Option<&'a Path>,
        token_file: Option<&'a Path>,
    },
}

/// Connect to `server`, a host and a port.
pub async fn connect(server: &str, security: Security<'_>) -> Result<Client, Box<dyn Error>> {
    let (endpoint, bearer) = match security {
        Security::Plaintext => (
            Endpoint::from_shared(format!("http://{server}"))?,
            Bearer(None),
        ),
        Security::Tls { ca, token_file } => {
            let tls = match ca {
                Some(path) => ClientTlsConfig::new()
                    .ca_certificate(Certificate::from_pem(tokio::fs::read(path).await?)),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            let endpoint = Endpoint::from_shared(format!("https://{server}"))?.tls_config(tls)?;
            (endpoint, Bearer::read(token_file).await?)
        }
    };
    let channel = endpoint
        .connect_timeout(Duration::from_secs(5))
        .connect_lazy();
    Ok(client(channel, bearer))
}

/// A client with the options that every client of this service needs.
pub fn client(channel: Channel, bearer: Bearer) -> Client {
    EncodingServiceClient::with_interceptor(channel, bearer)
        // Default: 4 MiB. A larger answer fails with OUT_OF_RANGE.
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
}

/// Sends a token with every call.
#[derive(Clone, Default)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Bearer {
    async fn read(file: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let Some(path) = file else {
            return Ok(Self(None));
        };
        let token = tokio::fs::read_to_string(path).await?;
        let mut header: MetadataValue<Ascii> = format!("Bearer {}", token.trim()).parse()?;
        header.set_sensitive(true); // absent from Debug and from compression
        Ok(Self(Some(header)))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(header) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", header.clone());
        }
        Ok(request)
    }
}
