//! The dead letters of a kind of work.

use std::time::{Duration, Instant};

use aws::CallError;
use aws_sdk_sqs::{
    Client,
    types::{
        Message,
        MessageSystemAttributeName::{self, ApproximateReceiveCount, MessageGroupId, SentTimestamp},
    },
};
use domain::Timestamp;
use futures_util::{
    StreamExt,
    future::{join_all, try_join_all},
    stream,
};
use lambda_http::tracing::warn;
use serde::Serialize;

use crate::letter_subject::LetterSubject;

/// How long SQS hides a received message, in seconds. No function of the API runs as long, so a request
/// receives no message twice. If a function dies, its messages appear again after this time.
const HIDDEN_SECONDS: i32 = 30;

/// How many messages SQS returns at most (Amazon SQS API Reference, "ReceiveMessage").
const MAX_MESSAGES: i32 = 10;

/// How often a list receives messages.
const RECEIVES: usize = 4;

/// After it has sent so many letters, a redrive receives no more. Letters that stay do not count, because they would
/// keep the letters behind them from being sent.
const MAX_SENT: usize = 200;

/// After this time, a redrive receives no more. Lambda stops the function after 29 seconds (template.yaml),
/// so there is time for the last letters.
const MAX_TIME: Duration = Duration::from_secs(8);

/// How many letters become visible at the same time. A redrive can keep thousands.
const SHOWN_AT_ONCE: usize = 40;

/// The dead-letter queue of a kind of work, and the queue to which its messages belong.
#[derive(Debug)]
pub struct DeadLetters<'a> {
    sqs: &'a Client,
    work: &'a str,
    dead: &'a str,
}

/// A dead letter.
#[derive(Debug, Serialize)]
pub struct DeadLetter {
    /// The id of the message. Log lines about a message that a worker could not process contain it.
    id: String,
    /// When the message was sent for the first time.
    sent_at: Timestamp,
    /// How often the message was received, by workers and by admins.
    received: u32,
    about: LetterSubject,
}

/// The outcome of a redrive.
#[derive(Debug, Serialize)]
pub struct Redriven {
    /// The number of letters that were sent to their queue.
    pub sent: usize,
    /// The number of letters that were found and stay.
    pub kept: usize,
    /// Whether the queue may contain letters that this redrive has not found.
    pub more: bool,
}

impl<'a> DeadLetters<'a> {
    /// The letters in the queue with the URL `dead`, whose work belongs to the queue with the URL `work`.
    pub(crate) const fn new(sqs: &'a Client, work: &'a str, dead: &'a str) -> Self {
        Self { sqs, work, dead }
    }

    /// Some of the letters, oldest first. They stay in the queue.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn sample(&self) -> Result<Vec<DeadLetter>, CallError> {
        // All at the same time: SQS returns to a call nothing that another one has received.
        let received = try_join_all((0..RECEIVES).map(|_| self.receive())).await?.concat();
        let handles: Vec<_> = received.iter().map(|message| message.receipt_handle.clone()).collect();
        self.show_again(handles).await;
        let mut letters = received.iter().map(DeadLetter::of).collect::<Result<Vec<_>, _>>()?;
        letters.sort_by(|one, other| (one.sent_at, &one.id).cmp(&(other.sent_at, &other.id)));
        // SQS may deliver a message twice (Amazon SQS Developer Guide, "Amazon SQS at-least-once delivery").
        letters.dedup_by(|one, other| one.id == other.id);
        Ok(letters)
    }

    /// Sends letters to their queue again, up to a number of letters and for some seconds. A letter that cannot be
    /// sent stays. A letter with only a position of stream records stays too: only `cargo xtask redrive`, which
    /// may read the stream, can send its records.
    ///
    /// `StartMessageMoveTask` is no alternative. It moves all messages, also these positions, which no worker
    /// can read. It does not support dead letters of Lambda. And it is asynchronous, so the answer could not
    /// contain the numbers (Amazon SQS API Reference, "StartMessageMoveTask").
    ///
    /// # Errors
    /// [`CallError`] if a call failed and no letter was sent.
    pub async fn redrive(&self) -> Result<Redriven, CallError> {
        let begin = Instant::now();
        let (mut sent, mut kept, mut failure) = (0, Vec::new(), None);
        let is_empty = loop {
            if sent >= MAX_SENT || begin.elapsed() > MAX_TIME {
                break false;
            }
            let received = match self.receive().await {
                Ok(received) => received,
                Err(error) => {
                    failure = Some(error);
                    break false;
                }
            };
            if received.is_empty() {
                break true;
            }
            let (positions, letters): (Vec<_>, Vec<_>) =
                received.into_iter().partition(|message| subject(message).is_position());
            kept.extend(positions.into_iter().map(|position| position.receipt_handle));
            let outcomes = join_all(letters.iter().map(|letter| self.send_again(letter))).await;
            for (letter, outcome) in letters.into_iter().zip(outcomes) {
                match outcome {
                    Ok(()) => sent += 1,
                    Err(error) => {
                        let (id, cause) = (letter.message_id, aws::causes(&error));
                        warn!(id, cause, "sending a dead letter again failed");
                        kept.push(letter.receipt_handle);
                        failure = Some(error);
                    }
                }
            }
        };
        let count = kept.len();
        // Not before the end, because the loop would receive them again.
        self.show_again(kept).await;
        match failure {
            Some(error) if sent == 0 => Err(error),
            _ => Ok(Redriven { sent, kept: count, more: !is_empty }),
        }
    }

    /// Receives some messages. With a wait, SQS asks all of its servers, and not only a part of them (Amazon
    /// SQS Developer Guide, "Amazon SQS short and long polling").
    async fn receive(&self) -> Result<Vec<Message>, CallError> {
        let receive = self.sqs.receive_message().queue_url(self.dead).visibility_timeout(HIDDEN_SECONDS);
        let receive = receive.max_number_of_messages(MAX_MESSAGES).wait_time_seconds(1);
        let attributes = vec![ApproximateReceiveCount, MessageGroupId, SentTimestamp];
        let answer = receive.set_message_system_attribute_names(Some(attributes)).send().await?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Ends the time in which messages are hidden that were received with these handles (Amazon SQS API Reference,
    /// "ChangeMessageVisibility"). An error changes no outcome: the message appears after this time anyway. One error
    /// is usual: a message that was delivered twice has two handles, and is visible when the second one is used.
    async fn show_again(&self, handles: Vec<Option<String>>) {
        stream::iter(handles)
            .for_each_concurrent(SHOWN_AT_ONCE, |handle| async move {
                let change = self.sqs.change_message_visibility().queue_url(self.dead).visibility_timeout(0);
                if let Err(error) = change.set_receipt_handle(handle).send().await {
                    let cause = aws::causes(&CallError::from(error));
                    warn!(cause, "making a dead letter visible again failed");
                }
            })
            .await;
    }

    /// Sends a message to its queue, and then deletes the letter. If the deletion fails, or the function dies
    /// before it, the work has two messages. That is harmless (docs/RUNBOOK.md, "How to repeat work").
    async fn send_again(&self, message: &Message) -> Result<(), CallError> {
        let send = self.sqs.send_message().queue_url(self.work).set_message_body(message.body.clone());
        // The messages of a user stay a group (`JobMessage` in functions/workers/src/dispatch.rs).
        let group = attribute(message, &MessageGroupId).map(str::to_owned);
        send.set_message_group_id(group).send().await?;
        let delete = self.sqs.delete_message().queue_url(self.dead);
        delete.set_receipt_handle(message.receipt_handle.clone()).send().await?;
        Ok(())
    }
}

impl DeadLetter {
    fn of(message: &Message) -> Result<Self, CallError> {
        let number = |name| attribute(message, &name).unwrap_or_default().parse::<i64>();
        let sent_at = number(SentTimestamp).map_err(CallError::internal)?;
        let received = number(ApproximateReceiveCount).map_err(CallError::internal)?;
        Ok(Self {
            id: message.message_id().unwrap_or_default().to_owned(),
            sent_at: Timestamp::from_millisecond(sent_at).map_err(CallError::internal)?,
            received: u32::try_from(received).map_err(CallError::internal)?,
            about: subject(message),
        })
    }
}

fn subject(message: &Message) -> LetterSubject {
    LetterSubject::of(message.body().unwrap_or_default())
}

fn attribute<'a>(message: &'a Message, name: &MessageSystemAttributeName) -> Option<&'a str> {
    message.attributes()?.get(name).map(String::as_str)
}
