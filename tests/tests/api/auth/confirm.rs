//! `POST /api/auth/confirm` and `/api/auth/confirm/resend`

use anyhow::Result;
use serde_json::{Value, json};
use tests::Stack;

use super::register::account;

async fn registered(stack: &Stack) -> Result<(Value, String)> {
    let account = account();
    stack.post("/api/auth/register", &account).await?.expect(201)?;
    let codes = stack.mailed_codes(&account["email"], 1).await?;
    Ok((account, codes[0].clone()))
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn with_the_mailed_code_a_new_user_can_log_in() -> Result<()> {
    let stack = Stack::connect()?;
    let (account, code) = registered(&stack).await?;
    let confirmation = json!({"username": account["username"], "code": code});
    stack.post("/api/auth/confirm", &confirmation).await?.expect(204)?;
    let login = json!({"username": account["username"], "password": account["password"]});
    stack.post("/api/auth/login", &login).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn another_code_confirms_nobody() -> Result<()> {
    let stack = Stack::connect()?;
    let (account, code) = registered(&stack).await?;
    let other = if code == "123456" { "654321" } else { "123456" };
    let confirmation = json!({"username": account["username"], "code": other});
    stack.post("/api/auth/confirm", &confirmation).await?.problem(400, "code-mismatch")?;
    let login = json!({"username": account["username"], "password": account["password"]});
    stack.post("/api/auth/login", &login).await?.problem(403, "not-confirmed")?;
    Ok(())
}

#[tokio::test]
async fn a_name_that_nobody_has_is_confirmed_like_a_wrong_code() -> Result<()> {
    let stack = Stack::connect()?;
    let confirmation = json!({"username": tests::unique("nobody"), "code": "123456"});
    let answer = stack.post("/api/auth/confirm", &confirmation).await?.json(400)?;
    assert!(["code-mismatch", "code-expired"].contains(&answer["code"].as_str().unwrap()), "{answer}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn a_code_can_be_mailed_again() -> Result<()> {
    let stack = Stack::connect()?;
    let (account, _) = registered(&stack).await?;
    let who = json!({"username": account["username"]});
    stack.post("/api/auth/confirm/resend", &who).await?.expect(202)?;
    let codes = stack.mailed_codes(&account["email"], 2).await?;
    let confirmation = json!({"username": account["username"], "code": codes[1]});
    stack.post("/api/auth/confirm", &confirmation).await?.expect(204)?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn asking_for_a_code_tells_nobody_who_exists() -> Result<()> {
    let stack = Stack::connect()?;
    let (unconfirmed, _) = registered(&stack).await?;
    let confirmed = stack.user().await?;
    let names = [unconfirmed["username"].clone(), json!(confirmed.username), json!(tests::unique("nobody"))];
    let mut answers = Vec::new();
    for username in names {
        let answer = stack.post("/api/auth/confirm/resend", &json!({"username": username})).await?;
        answers.push(answer.expect(202)?.text());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn an_address_belongs_to_the_user_who_confirms_it_first() -> Result<()> {
    let stack = Stack::connect()?;
    let (first, code) = registered(&stack).await?;
    let confirm = |account: &Value, code: &str| json!({"username": account["username"], "code": code});
    stack.post("/api/auth/confirm", &confirm(&first, &code)).await?.expect(204)?;
    // The registration does not reveal that somebody has this address, in any case.
    let mut second = account();
    second["email"] = json!(first["email"].as_str().unwrap().to_uppercase());
    let registered = stack.post("/api/auth/register", &second).await?.json(201)?;
    assert_eq!(registered["confirmed"], false);
    let code = stack.mailed_codes(&second["email"], 1).await?.remove(0);
    let wrong = if code == "123456" { "654321" } else { "123456" };
    stack.post("/api/auth/confirm", &confirm(&second, wrong)).await?.problem(400, "code-mismatch")?;
    stack.post("/api/auth/confirm", &confirm(&second, &code)).await?.problem(409, "email-taken")?;
    let login = json!({"username": second["username"], "password": second["password"]});
    stack.post("/api/auth/login", &login).await?.problem(403, "not-confirmed")?;
    let login = json!({"email": first["email"], "password": first["password"]});
    stack.post("/api/auth/login", &login).await?.expect(200)?;
    Ok(())
}
