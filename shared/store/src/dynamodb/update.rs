//! Conditional updates of one item.

use aws::CallError;
use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{self, AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};

use super::{
    condition::Condition,
    keys::{Item, number},
    placeholders::{Names, Placeholders},
    records::Records,
};

/// An update of one item, as a request of its own or as part of a transaction. If the condition is false, DynamoDB
/// returns the stored item.
#[derive(Debug)]
pub(crate) struct Update {
    key: Item,
    sets: Vec<(String, Set)>,
    removes: Vec<String>,
    condition: Option<Condition>,
}

/// The new content of an attribute.
#[derive(Debug)]
enum Set {
    Value(AttributeValue),
    ValueIfAbsent(AttributeValue),
    Sum(i128),
    SumFromZero(i128),
    Appended(AttributeValue),
}

/// The expressions of an update, with the placeholders that they use.
#[derive(Debug)]
struct Rendered {
    update: String,
    condition: Option<String>,
    names: Option<Names>,
    values: Option<Item>,
}

/// The number that changes `before` to `after`.
pub(crate) fn difference(before: u64, after: u64) -> i128 {
    i128::from(after) - i128::from(before)
}

impl Update {
    /// Updates the item with this key. Without a condition, DynamoDB creates the item if it does not exist.
    pub(crate) fn new(key: Item) -> Self {
        Self { key, sets: Vec::new(), removes: Vec::new(), condition: None }
    }

    pub(crate) fn set(self, path: impl Into<String>, value: AttributeValue) -> Self {
        self.with(path, Set::Value(value))
    }

    /// Sets the attribute to `value`, or removes it if there is no value.
    pub(crate) fn set_or_remove(self, path: impl Into<String>, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.set(path, value),
            None => self.remove(path),
        }
    }

    /// Sets the attribute if the item does not have it yet.
    pub(crate) fn set_if_absent(self, path: impl Into<String>, value: AttributeValue) -> Self {
        self.with(path, Set::ValueIfAbsent(value))
    }

    /// Adds to a number. DynamoDB refuses the update if the item does not have this attribute.
    pub(crate) fn add(self, path: impl Into<String>, delta: i128) -> Self {
        self.with(path, Set::Sum(delta))
    }

    /// Adds to a number, which is 0 if the item does not have this attribute.
    pub(crate) fn add_from_zero(self, path: impl Into<String>, delta: i128) -> Self {
        self.with(path, Set::SumFromZero(delta))
    }

    /// Adds the elements of `list` to the end of a list.
    pub(crate) fn append(self, path: impl Into<String>, list: Vec<AttributeValue>) -> Self {
        self.with(path, Set::Appended(AttributeValue::L(list)))
    }

    pub(crate) fn remove(mut self, path: impl Into<String>) -> Self {
        self.removes.push(path.into());
        self
    }

    /// Writes only if `condition` is true. If this is called twice, both conditions must be true.
    pub(crate) fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(match self.condition.take() {
            Some(first) => first.and(condition),
            None => condition,
        });
        self
    }

    fn with(mut self, path: impl Into<String>, set: Set) -> Self {
        self.sets.push((path.into(), set));
        self
    }

    /// The update as a request of its own.
    ///
    /// # Errors
    /// [`CallError::Internal`] if the update is empty or changes an attribute twice.
    pub(crate) fn alone(self, records: &Records) -> Result<UpdateItemFluentBuilder, CallError> {
        let (key, rendered) = self.render()?;
        let on_refusal = rendered.condition.as_ref().map(|_| ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(records
            .dynamodb
            .update_item()
            .table_name(&records.table)
            .set_key(Some(key))
            .update_expression(rendered.update)
            .set_condition_expression(rendered.condition)
            .set_expression_attribute_names(rendered.names)
            .set_expression_attribute_values(rendered.values)
            .set_return_values_on_condition_check_failure(on_refusal))
    }

    /// The update as part of a transaction.
    ///
    /// # Errors
    /// [`CallError::Internal`] if the update is empty or changes an attribute twice.
    pub(crate) fn in_transaction(self, records: &Records) -> Result<TransactWriteItem, CallError> {
        let (key, rendered) = self.render()?;
        let on_refusal = rendered.condition.as_ref().map(|_| ReturnValuesOnConditionCheckFailure::AllOld);
        let update = types::Update::builder()
            .table_name(&records.table)
            .set_key(Some(key))
            .update_expression(rendered.update)
            .set_condition_expression(rendered.condition)
            .set_expression_attribute_names(rendered.names)
            .set_expression_attribute_values(rendered.values)
            .set_return_values_on_condition_check_failure(on_refusal)
            .build()
            .map_err(CallError::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn render(self) -> Result<(Item, Rendered), CallError> {
        self.check_paths()?;
        let mut placeholders = Placeholders::default();
        let sets: Vec<_> =
            self.sets.into_iter().map(|(path, set)| set.render(&path, &mut placeholders)).collect();
        let removes: Vec<_> = self.removes.iter().map(|path| placeholders.path(path)).collect();
        let mut clauses = Vec::with_capacity(2);
        if !sets.is_empty() {
            clauses.push(format!("SET {}", sets.join(", ")));
        }
        if !removes.is_empty() {
            clauses.push(format!("REMOVE {}", removes.join(", ")));
        }
        let condition = self.condition.map(|condition| condition.render(&mut placeholders));
        let (names, values) = placeholders.into_maps()?;
        Ok((self.key, Rendered { update: clauses.join(" "), condition, names, values }))
    }

    /// DynamoDB refuses an update in which two paths are equal, or one contains the other.
    fn check_paths(&self) -> Result<(), CallError> {
        let mut paths: Vec<Vec<&str>> = self
            .sets
            .iter()
            .map(|(path, _)| path)
            .chain(&self.removes)
            .map(|path| path.split('.').collect())
            .collect();
        if paths.is_empty() {
            return Err(CallError::internal("an update changes no attribute"));
        }
        // After sorting, a path is next to the paths that it contains.
        paths.sort_unstable();
        match paths.windows(2).find(|pair| pair[1].starts_with(&pair[0])) {
            Some(pair) => Err(CallError::internal(format!(
                "an update changes both `{}` and `{}`",
                pair[0].join("."),
                pair[1].join(".")
            ))),
            None => Ok(()),
        }
    }
}

impl Set {
    fn render(self, path: &str, placeholders: &mut Placeholders) -> String {
        let path = placeholders.path(path);
        match self {
            Self::Value(value) => format!("{path} = {}", placeholders.value(value)),
            Self::ValueIfAbsent(value) => {
                format!("{path} = if_not_exists({path}, {})", placeholders.value(value))
            }
            // DynamoDB's grammar allows one `+` or `-` ("Update expressions", Amazon DynamoDB Developer Guide).
            Self::Sum(delta) => format!("{path} = {path} + {}", placeholders.value(number(delta))),
            Self::SumFromZero(delta) => {
                let (zero, delta) = (placeholders.value(number(0)), placeholders.value(number(delta)));
                format!("{path} = if_not_exists({path}, {zero}) + {delta}")
            }
            Self::Appended(list) => format!("{path} = list_append({path}, {})", placeholders.value(list)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::dynamodb::{
        condition::{between, contains, eq, exists, gt, is_in, le, lt, ne, not, not_exists, path},
        keys::string,
    };

    fn update() -> Update {
        Update::new(Item::new())
    }

    fn rendered(update: Update) -> Rendered {
        update.render().unwrap().1
    }

    fn error(update: Update) -> String {
        aws::causes(&update.render().unwrap_err())
    }

    #[test]
    fn every_kind_of_change_is_rendered() {
        let rendered = rendered(
            update()
                .remove("lease")
                .set("status", string("ready"))
                .set_or_remove("title", Some(string("A title")))
                .set_or_remove("description", None)
                .set_if_absent("images", number(0))
                .add("bytes", -5)
                .add_from_zero("revision", 1)
                .append("picture.thumbnails", vec![number(1)])
                .when(eq("picture.version", number(2)))
                .when(exists("pk").or(not_exists("sk"))),
        );
        insta::assert_snapshot!(rendered.update, @"SET #status = :v0, #title = :v1, #images = if_not_exists(#images, :v2), #bytes = #bytes + :v3, #revision = if_not_exists(#revision, :v4) + :v5, #picture.#thumbnails = list_append(#picture.#thumbnails, :v6) REMOVE #lease, #description");
        insta::assert_snapshot!(rendered.condition.unwrap(), @"#picture.#version = :v7 AND (attribute_exists(#pk) OR attribute_not_exists(#sk))");
        let values = rendered.values.unwrap();
        assert_eq!(
            (&values[":v0"], &values[":v3"], &values[":v7"]),
            (&string("ready"), &number(-5), &number(2))
        );
    }

    #[test]
    fn an_update_without_values_defines_none() {
        let rendered = rendered(update().remove("lease"));
        insta::assert_snapshot!(rendered.update, @"REMOVE #lease");
        assert!(rendered.condition.is_none() && rendered.values.is_none());
    }

    #[test]
    fn a_wrong_update_is_an_error() {
        insta::assert_snapshot!(error(update().when(exists("pk"))), @"a call to AWS failed: an update changes no attribute");
        insta::assert_snapshot!(error(update().set("a", number(1)).add("b", 1).set("a", number(2))), @"a call to AWS failed: an update changes both `a` and `a`");
        insta::assert_snapshot!(error(update().set("a", number(1)).remove("a")), @"a call to AWS failed: an update changes both `a` and `a`");
        insta::assert_snapshot!(error(update().remove("a.b").set("a_b", number(1)).set("a", number(1))), @"a call to AWS failed: an update changes both `a` and `a.b`");
        insta::assert_snapshot!(error(update().remove("a-b")), @"a call to AWS failed: `a-b` is not a path of attribute names");
        insta::assert_snapshot!(error(update().remove("a").when(exists("b..c"))), @"a call to AWS failed: `b..c` is not a path of attribute names");
    }

    /// The placeholders in an expression that start with `#` or `:`.
    fn used<'a>(text: &'a str, start: char) -> impl Iterator<Item = String> + 'a {
        let is_separator = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '#' | ':'));
        text.split(is_separator).filter(move |word| word.starts_with(start)).map(ToOwned::to_owned)
    }

    fn a_path() -> impl Strategy<Value = String> {
        prop_oneof!["[a-c]", "[a-c]\\.[a-c]"]
    }

    fn a_condition() -> impl Strategy<Value = Condition> {
        let leaf = (a_path(), 0..10_u8).prop_map(|(name, kind)| match kind {
            0 => exists(name),
            1 => not_exists(name),
            2 => eq(name, number(1)),
            3 => ne(name, path("d.e")),
            4 => lt(name, number(1)),
            5 => le(name, path("f")),
            6 => gt(name, number(1)),
            7 => between(name, number(1), number(2)),
            8 => is_in(name, [number(1), number(2)]),
            _ => contains(name, string("x")),
        });
        leaf.prop_recursive(4, 16, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| a.and(b)),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| a.or(b)),
                inner.prop_map(not),
            ]
        })
    }

    fn an_update() -> impl Strategy<Value = Update> {
        (vec((a_path(), 0..7_u8), 1..4), proptest::option::of(a_condition())).prop_map(
            |(changes, condition)| {
                let update = changes.into_iter().fold(update(), |update, (path, kind)| match kind {
                    0 => update.set(path, number(1)),
                    1 => update.set_if_absent(path, number(1)),
                    2 => update.add(path, 1),
                    3 => update.add_from_zero(path, 1),
                    4 => update.append(path, vec![number(1)]),
                    5 => update.set_or_remove(path, None),
                    _ => update.remove(path),
                });
                condition.into_iter().fold(update, Update::when)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn exactly_the_placeholders_in_use_are_defined(update in an_update()) {
            let Ok((_, rendered)) = update.render() else { return Ok(()) };
            let text = format!("{} {}", rendered.update, rendered.condition.unwrap_or_default());
            let names: BTreeSet<_> = rendered.names.into_iter().flatten().map(|(name, _)| name).collect();
            let values: BTreeSet<_> = rendered.values.into_iter().flatten().map(|(name, _)| name).collect();
            prop_assert_eq!(used(&text, '#').collect::<BTreeSet<_>>(), names);
            let in_use: Vec<_> = used(&text, ':').collect();
            prop_assert_eq!(in_use.len(), values.len(), "a value is used once");
            prop_assert_eq!(in_use.into_iter().collect::<BTreeSet<_>>(), values);
        }
    }
}
