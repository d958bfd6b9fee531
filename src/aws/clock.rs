//! The system's clock.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::control::ports::Clock;

/// The system's clock, and waiting in real time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port that everything else reads time through")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
