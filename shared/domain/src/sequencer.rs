//! The order of S3's events.

use serde::{Deserialize, Serialize};

/// Orders the events of one S3 key: the later event has the greater sequencer.
///
/// S3 sends hexadecimal text of varying length. To compare two sequencers, the shorter one is padded with zeros on the
/// right (Amazon S3 user guide, "Event message structure"). Records contain the padded text, so that DynamoDB can
/// compare it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequencer(String);

impl Sequencer {
    /// More digits than S3 sends: its sequencers have 16 to 18.
    const WIDTH: usize = 64;

    /// Pads the sequencer of an event.
    #[must_use]
    pub fn from_event(text: &str) -> Self {
        Self(format!("{:0<width$}", text.to_ascii_uppercase(), width = Self::WIDTH))
    }

    /// Greater than the sequencer of any event. A record with this sequencer ignores all events.
    #[must_use]
    pub fn closed() -> Self {
        Self("~".repeat(Self::WIDTH))
    }

    /// The padded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_sequencer_is_not_later_just_for_its_length() {
        let older = Sequencer::from_event("0055AED6DCD90281E5");
        let newer = Sequencer::from_event("0055AED6DCD90281E6");
        assert!(older < newer);
        assert!(Sequencer::from_event("0055aed6dcd90281") < older);
        assert_eq!(Sequencer::from_event("0055AE"), Sequencer::from_event("0055AE00"));
        assert!(Sequencer::from_event("FFFFFFFFFFFFFFFFFF") < Sequencer::closed());
    }
}
