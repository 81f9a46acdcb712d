//! Code that the endpoints of accounts share: the user pool, the fields of requests, and the conversion of Cognito's
//! errors to problems.

pub mod cookie;
mod fields;
mod pool;
mod reauthenticate;
mod tokens;

pub use fields::{Code, Email, Password, Username};
pub use pool::{Pool, code_of, code_sent, problem, weak_password};
pub use reauthenticate::reauthenticate;
pub use tokens::{RefreshTokenIn, tokens};
