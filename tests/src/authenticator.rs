//! An authenticator app. It uses another implementation of TOTP than the emulator of Cognito.

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use totp_rs::TOTP;

/// An authenticator app with one account.
#[derive(Clone, Debug)]
pub struct Authenticator(TOTP);

impl Authenticator {
    const STEP_SECONDS: u64 = 30;

    /// Reads the URI in a QR code.
    ///
    /// # Errors
    /// If an authenticator app could not read it.
    pub fn from_uri(uri: &str) -> Result<Self> {
        let totp = TOTP::from_url(uri)?;
        ensure!(totp.step == Self::STEP_SECONDS && totp.digits == 6, "{uri}");
        Ok(Self(totp))
    }

    /// The issuer and the account that the app shows.
    #[must_use]
    pub fn label(&self) -> (&str, &str) {
        (self.0.issuer.as_deref().unwrap_or_default(), &self.0.account_name)
    }

    /// The code of now, or of some steps of 30 seconds later. Cognito also accepts the codes of the adjacent steps, so a
    /// test has three codes and need not wait for the next one.
    ///
    /// # Errors
    /// If the clock is wrong.
    pub fn code(&self, steps_later: i64) -> Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let later = steps_later * i64::try_from(Self::STEP_SECONDS)?;
        Ok(self.0.generate(now.saturating_add_signed(later)))
    }

    /// A code of another account.
    ///
    /// # Errors
    /// If the clock is wrong.
    pub fn wrong_code(&self) -> Result<String> {
        let valid = [self.code(-2)?, self.code(-1)?, self.code(0)?, self.code(1)?, self.code(2)?];
        Ok((0..).map(|n| format!("{n:06}")).find(|code| !valid.contains(code)).unwrap_or_default())
    }

    /// Waits, if a step ends in less than ten seconds. So the codes of a test belong to the same steps.
    ///
    /// # Errors
    /// If the clock is wrong.
    pub async fn settle() -> Result<()> {
        const ENOUGH: u64 = 10;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let left = Self::STEP_SECONDS - now % Self::STEP_SECONDS;
        if left < ENOUGH {
            tokio::time::sleep(Duration::from_secs(left)).await;
        }
        Ok(())
    }
}
