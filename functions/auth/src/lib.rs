//! What the endpoints of auth share: the user pool, the fields people send, and Cognito's errors as ours.

pub mod cookie;
mod fields;
mod pool;
mod tokens;

pub use fields::{Code, Email, Password, Username};
pub use pool::{Pool, code_of, problem, weak_password};
pub use tokens::{RefreshTokenIn, tokens};
