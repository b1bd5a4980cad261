//! Details of failed calls, and when to repeat one.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use tokio::time::{Instant, sleep};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    Call(Status),
    File(io::Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Call(status)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl Error for Failure {}

/// Describes the failure for people: for a call, its reason, its wrong fields and its request id.
impl fmt::Display for Failure {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self {
            Self::File(error) => return error.fmt(text),
            Self::Call(status) => status,
        };
        write!(text, "{:?}: {}", status.code(), status.message())?;
        if let Some(info) = status.get_details_error_info() {
            write!(text, "\n  reason: {}", info.reason)?;
        }
        for one in status
            .get_details_bad_request()
            .into_iter()
            .flat_map(|it| it.field_violations)
        {
            write!(text, "\n  field {}: {}", one.field, one.description)?;
        }
        if let Some(info) = status.get_details_request_info() {
            write!(text, "\n  request id: {}", info.request_id)?;
        }
        Ok(())
    }
}

pub const ATTEMPTS: u32 = 5;

/// Repeat a call while the server is full, or if the call was lost.
///
/// tonic has no retries of its own. RESOURCE_EXHAUSTED without RetryInfo is a message that is too
/// large, which would fail again. An encoding has no side effects, so all of this is safe.
pub async fn retry<T>(
    deadline: Instant,
    mut call: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut attempt = 1;
    loop {
        let failure = match call().await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let Some(delay) = retry_delay(&failure, attempt) else {
            return Err(failure);
        };
        // Callers that were refused together must not return together.
        let delay = delay.mul_f64(1.0 + fastrand::f64() / 4.0);
        if attempt == ATTEMPTS || Instant::now() + delay > deadline {
            return Err(failure);
        }
        sleep(delay).await;
        attempt += 1;
    }
}

/// The time to wait after a failed attempt, or None to give up.
fn retry_delay(failure: &Failure, attempt: u32) -> Option<Duration> {
    let Failure::Call(status) = failure else {
        return None;
    };
    if let Some(info) = status.get_details_retry_info() {
        return info.retry_delay;
    }
    // A server restarts in some seconds: wait 0.25 s, 0.75 s, 2.25 s, 4 s.
    let backoff = Duration::from_millis(250 * 3_u64.pow(attempt - 1)).min(Duration::from_secs(4));
    is_lost(status).then_some(backoff)
}

/// Whether the server, or the connection to it, went away.
fn is_lost(status: &Status) -> bool {
    // tonic reports a connection that breaks during a call as UNKNOWN or CANCELLED. The server's own
    // errors have details.
    let broken = matches!(status.code(), Code::Unknown | Code::Cancelled);
    status.code() == Code::Unavailable || broken && status.details().is_empty()
}
