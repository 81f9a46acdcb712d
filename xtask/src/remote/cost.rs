//! What a run on AWS cost.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Result;

/// What a run cost: the requests that the tests counted, at the list prices of us-east-1 without any free tier
/// (AWS's pricing pages of API Gateway, Lambda, DynamoDB, S3, SQS and Cognito).
pub(super) struct Cost {
    requests: BTreeMap<String, u64>,
    users: usize,
}

impl Cost {
    /// Each kind of request with its words and its price in dollars, which is a cautious estimate: a request to the API
    /// is one of the HTTP API and of Lambda, 0.2 s with 256 MB, four writes to the table and 2 KB of logs; an upload is
    /// six requests to S3 and 1.5 s with 1,769 MB; a direct call of a function is 0.5 s with as much.
    const KINDS: [(&str, &str, f64); 6] = [
        ("api", "to the API", 6.5e-6),
        ("upload", "uploads", 75e-6),
        ("s3", "to S3", 5e-6),
        ("dynamodb", "to DynamoDB", 1.3e-6),
        ("lambda", "to functions directly", 15e-6),
        ("sqs", "to queues", 0.4e-6),
    ];
    /// Of a monthly active user of Cognito's plan Essentials, which new pools have, after the first 10,000 of a month.
    const USER: f64 = 0.015;

    /// Reads the counts of a run with so many users.
    pub(super) fn read(dir: &std::path::Path, users: usize) -> Result<Self> {
        let mut requests = BTreeMap::new();
        for entry in fs::read_dir(dir)?.flatten() {
            requests.insert(entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.len());
        }
        Ok(Self { requests, users })
    }

    fn of_requests(&self) -> f64 {
        let count = |kind: &str| self.requests.get(kind).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "no run makes so many requests")]
        Self::KINDS.iter().map(|(kind, _, price)| count(kind) as f64 * price).sum()
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = Self::KINDS
            .iter()
            .filter_map(|(kind, words, _)| self.requests.get(*kind).map(|count| format!("{count} {words}")));
        let counts: Vec<String> = counts.collect();
        #[expect(clippy::cast_precision_loss, reason = "no run has so many users")]
        let users = self.users as f64 * Self::USER;
        write!(
            f,
            "\nThe run made these requests: {}. At list prices they cost about ${:.2}. {} users were active: they cost \
             ${users:.2} if the account has used up Cognito's 10,000 free users of the month, and nothing otherwise.",
            counts.join(", "),
            self.of_requests(),
            self.users,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_what_it_cost() {
        let requests = [("api".to_owned(), 10_000), ("sqs".to_owned(), 5)].into();
        let text = Cost { requests, users: 200 }.to_string();
        assert!(
            text.contains("10000 to the API, 5 to queues. At list prices they cost about $0.07"),
            "{text}"
        );
        assert!(text.contains("$3.00"), "{text}");
    }
}
