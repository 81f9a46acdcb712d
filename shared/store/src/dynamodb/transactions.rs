//! Transactions, and how to read a refusal.

use aws::CallError;
use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem,
    },
};

use super::{
    condition::{Condition, not_exists},
    keys::Item,
    placeholders::Placeholders,
    records::Records,
    retry::pause,
};

/// What an item of a transaction is for. If DynamoDB refuses several items, the first kind in this order decides the
/// answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TransactItemKind {
    /// Stores what a request with an idempotency key created.
    IdempotencyKey,
    /// Counts images against an upload link.
    UploadLink,
    /// Updates the image that a job or an edit is for, or checks the image that a link is for. Or checks the webhook of
    /// a delivery, or updates the delivery that a job repeats.
    Source,
    /// Fills the slot of a set.
    Set,
    /// Checks that requests do not see the previous image of a slot, or moves this image.
    Occupant,
    /// Counts what the transaction creates in the profile.
    Profile,
    /// Counts API keys, webhooks or downloads, which the profile does not count.
    Quota,
    /// Puts a new item.
    New,
}

/// What became of one attempt at a transaction.
#[derive(Debug)]
pub(crate) enum TransactOutcome {
    /// All items were written.
    Done,
    /// None was written, because a condition was false. These are the reasons, in the order of the items.
    Refused(Vec<CancellationReason>),
    /// None was written, for a temporary reason, such as another transaction that changes one of the items.
    Conflict(CallError),
}

impl Records {
    /// An item of a transaction that puts a new item.
    pub(crate) fn put_new(&self, item: Item) -> Result<TransactWriteItem, CallError> {
        self.put_in_transaction(item, Some(not_exists("pk")))
    }

    /// An item of a transaction that puts `item`, if the stored item meets `condition`.
    pub(crate) fn put_in_transaction(
        &self,
        item: Item,
        condition: Option<Condition>,
    ) -> Result<TransactWriteItem, CallError> {
        let mut placeholders = Placeholders::default();
        let condition = condition.map(|condition| condition.render(&mut placeholders));
        let (names, values) = placeholders.into_maps()?;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(CallError::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// An item of a transaction that deletes an item, if it meets `condition`.
    pub(crate) fn delete_in_transaction(
        &self,
        key: Item,
        condition: Condition,
    ) -> Result<TransactWriteItem, CallError> {
        let mut placeholders = Placeholders::default();
        let condition = condition.render(&mut placeholders);
        let (names, values) = placeholders.into_maps()?;
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key))
            .condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .build()
            .map_err(CallError::internal)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// An item of a transaction that deletes an item if it exists.
    pub(crate) fn delete_if_it_exists(&self, key: Item) -> Result<TransactWriteItem, CallError> {
        let delete = Delete::builder().table_name(&self.table).set_key(Some(key)).build();
        Ok(TransactWriteItem::builder().delete(delete.map_err(CallError::internal)?).build())
    }

    /// An item of a transaction that checks an item and does not change it.
    pub(crate) fn check(&self, key: Item, condition: Condition) -> Result<TransactWriteItem, CallError> {
        let mut placeholders = Placeholders::default();
        let condition = condition.render(&mut placeholders);
        let (names, values) = placeholders.into_maps()?;
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(key))
            .condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .build()
            .map_err(CallError::internal)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Writes all items or none. Returns the reasons if a condition was false. If the transaction conflicts with another
    /// one (for example because a user's parallel uploads change the same profile), it is retried after a random pause.
    ///
    /// If an answer is lost, the SDK sends the same request again with the same `ClientRequestToken`, and DynamoDB answers
    /// as to the first one ("TransactWriteItems", Amazon DynamoDB API Reference). A transaction that DynamoDB cancelled
    /// wrote nothing, so its retry has a token of its own.
    pub(crate) async fn transact(
        &self,
        items: Vec<TransactWriteItem>,
    ) -> Result<Option<Vec<CancellationReason>>, CallError> {
        const ATTEMPTS: u32 = 8;
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.transact_once(items.clone()).await? {
                TransactOutcome::Done => return Ok(None),
                TransactOutcome::Refused(reasons) => return Ok(Some(reasons)),
                TransactOutcome::Conflict(error) if attempt == ATTEMPTS => return Err(error),
                TransactOutcome::Conflict(_) => pause(attempt).await,
            }
        }
    }

    /// Tries once to write all items or none.
    pub(crate) async fn transact_once(
        &self,
        items: Vec<TransactWriteItem>,
    ) -> Result<TransactOutcome, CallError> {
        let answer = self.dynamodb.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = answer else { return Ok(TransactOutcome::Done) };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
        else {
            return Err(error.into());
        };
        let reasons = cancelled.cancellation_reasons();
        if reasons.iter().any(|reason| reason.code() == Some("ConditionalCheckFailed")) {
            return Ok(TransactOutcome::Refused(reasons.to_vec()));
        }
        if !reasons.iter().all(is_temporary) {
            return Err(CallError::internal(unexpected(reasons)));
        }
        Ok(TransactOutcome::Conflict(CallError::Unavailable(error.into())))
    }

    /// Writes all items or none. If conditions were false, returns the first kind among their items, and the item that is
    /// stored there.
    pub(crate) async fn transact_kinds(
        &self,
        items: Vec<(TransactItemKind, TransactWriteItem)>,
    ) -> Result<Option<(TransactItemKind, Option<Item>)>, CallError> {
        let (kinds, items): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        let Some(reasons) = self.transact(items).await? else { return Ok(None) };
        let refusals = kinds
            .into_iter()
            .zip(&reasons)
            .filter_map(|(kind, reason)| refused(reason).map(|item| (kind, item.cloned())));
        let first = refusals.min_by_key(|(kind, _)| *kind);
        first
            .map(Some)
            .ok_or_else(|| CallError::internal("DynamoDB gave no reason for a refused transaction"))
    }
}

/// Whether the same transaction can succeed later, as far as one of its items decides ("TransactWriteItems", Amazon
/// DynamoDB API Reference, lists the codes). `None` is the code of an item that was not the reason.
fn is_temporary(reason: &CancellationReason) -> bool {
    matches!(
        reason.code(),
        None | Some("None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
    )
}

/// What the log says about a transaction that DynamoDB will never accept. The messages contain no values.
fn unexpected(reasons: &[CancellationReason]) -> String {
    let texts = reasons.iter().filter(|reason| !is_temporary(reason)).map(|reason| {
        format!("{}: {}", reason.code().unwrap_or_default(), reason.message().unwrap_or_default())
    });
    format!("DynamoDB cancelled a transaction: {}", texts.collect::<Vec<_>>().join("; "))
}

/// The stored item, if an item of a transaction was refused because its condition was false. The inner value is `None`
/// if there is no such item.
pub(crate) fn refused(reason: &CancellationReason) -> Option<Option<&Item>> {
    (reason.code() == Some("ConditionalCheckFailed")).then(|| reason.item())
}
