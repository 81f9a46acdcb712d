//! Months in UTC.

use std::fmt;

use jiff::{civil::Date, tz::TimeZone};

use crate::Timestamp;

/// A month in UTC. The entries of a month are in one partition of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month of a time.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        let date = time.to_zoned(TimeZone::UTC).date();
        Self { year: date.year(), month: date.month() }
    }

    /// When the month begins.
    #[must_use]
    pub fn begin(self) -> Timestamp {
        let begin = Date::new(self.year, self.month, 1).and_then(|date| date.to_zoned(TimeZone::UTC));
        begin.map_or(Timestamp::UNIX_EPOCH, |begin| begin.timestamp())
    }

    /// The month before.
    #[must_use]
    pub fn previous(self) -> Self {
        match self.month {
            1 => Self { year: self.year - 1, month: 12 },
            month => Self { month: month - 1, ..self },
        }
    }
}

/// Such as `2026-03`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AuditId;

    #[test]
    fn months_follow_one_another() {
        let january = Month::of("2026-01-31T23:59:59.999Z".parse().unwrap());
        assert_eq!(january.to_string(), "2026-01");
        assert_eq!(january.previous().to_string(), "2025-12");
        assert_eq!(january.previous().previous().to_string(), "2025-11");
        assert!(january.previous() < january);
        assert_eq!(january.begin().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(AuditId::first_in(january).time(), january.begin());
    }
}
