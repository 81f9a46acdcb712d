//! Code that the endpoints of accounts share: the user pool, the fields of requests, and the conversion of Cognito's
//! errors to problems.

mod account;
pub mod cookie;
mod fields;
mod password;
mod pool;
mod profile;
mod reauthenticate;
mod tokens;

pub use account::{Account, end_all_sessions, session_ended};
pub use fields::{Code, Email, NewUsername, Password, PersonName, Session, Username};
pub use password::{
    check_password, is_lockout, log_in, login_problem, too_many_attempts, used_totp, wrong_password,
    wrong_totp,
};
pub use pool::{Pool, code_of, code_sent, problem, weak_password};
pub use profile::ProfileBody;
pub use reauthenticate::reauthenticate;
pub use tokens::{RefreshTokenIn, Step, unverified_claims};
