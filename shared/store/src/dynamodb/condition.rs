//! Conditions of writes, and filters and key conditions of queries.

use aws_sdk_dynamodb::types::AttributeValue;

use super::placeholders::Placeholders;

/// A condition on one item. Paths name attributes, such as `picture.version`.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Exists(String),
    NotExists(String),
    Compare(String, &'static str, Operand),
    Between(String, AttributeValue, AttributeValue),
    IsIn(String, Vec<AttributeValue>),
    Function(&'static str, String, AttributeValue),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
}

/// The right side of a comparison.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Value(AttributeValue),
    Path(String),
}

impl From<AttributeValue> for Operand {
    fn from(value: AttributeValue) -> Self {
        Self::Value(value)
    }
}

/// Compares with another attribute of the same item.
pub(crate) fn path(path: impl Into<String>) -> Operand {
    Operand::Path(path.into())
}

pub(crate) fn exists(path: impl Into<String>) -> Condition {
    Condition::Exists(path.into())
}

pub(crate) fn not_exists(path: impl Into<String>) -> Condition {
    Condition::NotExists(path.into())
}

pub(crate) fn eq(path: impl Into<String>, operand: impl Into<Operand>) -> Condition {
    Condition::Compare(path.into(), "=", operand.into())
}

pub(crate) fn ne(path: impl Into<String>, operand: impl Into<Operand>) -> Condition {
    Condition::Compare(path.into(), "<>", operand.into())
}

pub(crate) fn lt(path: impl Into<String>, operand: impl Into<Operand>) -> Condition {
    Condition::Compare(path.into(), "<", operand.into())
}

pub(crate) fn le(path: impl Into<String>, operand: impl Into<Operand>) -> Condition {
    Condition::Compare(path.into(), "<=", operand.into())
}

pub(crate) fn gt(path: impl Into<String>, operand: impl Into<Operand>) -> Condition {
    Condition::Compare(path.into(), ">", operand.into())
}

pub(crate) fn ge(path: impl Into<String>, operand: impl Into<Operand>) -> Condition {
    Condition::Compare(path.into(), ">=", operand.into())
}

/// Both bounds are included.
pub(crate) fn between(path: impl Into<String>, low: AttributeValue, high: AttributeValue) -> Condition {
    Condition::Between(path.into(), low, high)
}

pub(crate) fn is_in<const N: usize>(path: impl Into<String>, values: [AttributeValue; N]) -> Condition {
    const { assert!(N > 0, "DynamoDB refuses an empty list") };
    Condition::IsIn(path.into(), values.into())
}

pub(crate) fn contains(path: impl Into<String>, value: AttributeValue) -> Condition {
    Condition::Function("contains", path.into(), value)
}

pub(crate) fn begins_with(path: impl Into<String>, value: AttributeValue) -> Condition {
    Condition::Function("begins_with", path.into(), value)
}

pub(crate) fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

impl Condition {
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::And(mut all), Self::And(more)) => {
                all.extend(more);
                Self::And(all)
            }
            (Self::And(mut all), other) => {
                all.push(other);
                Self::And(all)
            }
            (first, Self::And(mut all)) => {
                all.insert(0, first);
                Self::And(all)
            }
            (first, other) => Self::And(vec![first, other]),
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Or(mut any), Self::Or(more)) => {
                any.extend(more);
                Self::Or(any)
            }
            (Self::Or(mut any), other) => {
                any.push(other);
                Self::Or(any)
            }
            (first, Self::Or(mut any)) => {
                any.insert(0, first);
                Self::Or(any)
            }
            (first, other) => Self::Or(vec![first, other]),
        }
    }

    /// The text of the condition.
    pub(crate) fn render(self, placeholders: &mut Placeholders) -> String {
        match self {
            Self::Exists(path) => format!("attribute_exists({})", placeholders.path(&path)),
            Self::NotExists(path) => format!("attribute_not_exists({})", placeholders.path(&path)),
            Self::Compare(path, operator, operand) => {
                let left = placeholders.path(&path);
                let right = match operand {
                    Operand::Value(value) => placeholders.value(value),
                    Operand::Path(path) => placeholders.path(&path),
                };
                format!("{left} {operator} {right}")
            }
            Self::Between(path, low, high) => {
                let (path, low) = (placeholders.path(&path), placeholders.value(low));
                format!("{path} BETWEEN {low} AND {}", placeholders.value(high))
            }
            Self::IsIn(path, values) => {
                let path = placeholders.path(&path);
                let values: Vec<_> = values.into_iter().map(|value| placeholders.value(value)).collect();
                format!("{path} IN ({})", values.join(", "))
            }
            Self::Function(name, path, value) => {
                let path = placeholders.path(&path);
                format!("{name}({path}, {})", placeholders.value(value))
            }
            Self::And(all) => joined(all, " AND ", placeholders),
            Self::Or(any) => joined(any, " OR ", placeholders),
            Self::Not(condition) => format!("NOT {}", condition.render_operand(placeholders)),
        }
    }

    /// The text inside of another condition. DynamoDB refuses redundant parentheses.
    fn render_operand(self, placeholders: &mut Placeholders) -> String {
        if matches!(self, Self::And(_) | Self::Or(_)) {
            return format!("({})", self.render(placeholders));
        }
        self.render(placeholders)
    }
}

fn joined(conditions: Vec<Condition>, operator: &str, placeholders: &mut Placeholders) -> String {
    let texts: Vec<_> =
        conditions.into_iter().map(|condition| condition.render_operand(placeholders)).collect();
    texts.join(operator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::keys::{number, string};

    fn rendered(condition: Condition) -> String {
        condition.render(&mut Placeholders::default())
    }

    #[test]
    fn comparisons_and_functions_are_rendered() {
        insta::assert_snapshot!(rendered(eq("picture.version", number(1))), @"#picture.#version = :v0");
        insta::assert_snapshot!(rendered(ne("a", number(1))), @"#a <> :v0");
        insta::assert_snapshot!(rendered(lt("images", path("limits.max_images"))), @"#images < #limits.#max_images");
        insta::assert_snapshot!(rendered(le("a", number(1)).and(gt("b", number(2)))), @"#a <= :v0 AND #b > :v1");
        insta::assert_snapshot!(rendered(ge("a", number(1))), @"#a >= :v0");
        insta::assert_snapshot!(rendered(exists("a").and(not_exists("b.c"))), @"attribute_exists(#a) AND attribute_not_exists(#b.#c)");
        insta::assert_snapshot!(rendered(is_in("a", [number(1), number(2)])), @"#a IN (:v0, :v1)");
        insta::assert_snapshot!(rendered(not(contains("a", string("b")))), @"NOT contains(#a, :v0)");
        insta::assert_snapshot!(rendered(begins_with("sk", string("b"))), @"begins_with(#sk, :v0)");
        insta::assert_snapshot!(rendered(between("id", string("a"), string("b"))), @"#id BETWEEN :v0 AND :v1");
    }

    #[test]
    fn only_nested_conditions_have_parentheses() {
        let (a, b, c) = (|| exists("a"), || exists("b"), || exists("c"));
        insta::assert_snapshot!(rendered(a().and(b()).and(c())), @"attribute_exists(#a) AND attribute_exists(#b) AND attribute_exists(#c)");
        insta::assert_snapshot!(rendered(a().and(b().and(c()))), @"attribute_exists(#a) AND attribute_exists(#b) AND attribute_exists(#c)");
        insta::assert_snapshot!(rendered(a().and(b().or(c()))), @"attribute_exists(#a) AND (attribute_exists(#b) OR attribute_exists(#c))");
        insta::assert_snapshot!(rendered(a().or(b()).and(c())), @"(attribute_exists(#a) OR attribute_exists(#b)) AND attribute_exists(#c)");
        insta::assert_snapshot!(rendered(a().or(b().and(c()))), @"attribute_exists(#a) OR (attribute_exists(#b) AND attribute_exists(#c))");
        insta::assert_snapshot!(rendered(not(a().or(b()))), @"NOT (attribute_exists(#a) OR attribute_exists(#b))");
    }
}
