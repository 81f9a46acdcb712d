//! Requests that no HTTP library sends: bytes on a socket, through the gateway to a function

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use anyhow::{Context, Result, ensure};
use reqwest::Url;
use tests::{Stack, User};

/// Sends a request with exactly this target and these additional header lines. Returns status and body of the response.
async fn send(user: &User, target: &[u8], header_lines: &[u8]) -> Result<(u16, String)> {
    let url = Url::parse(&user.stack.outputs.api_url)?;
    let (host, port) = (url.host_str().context("no host")?, url.port_or_known_default().context("no port")?);
    // Not every resolver resolves names below `.localhost` to this machine.
    let address = if host.ends_with(".localhost") { "127.0.0.1" } else { host };
    let head = format!(
        " HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\nauthorization: Bearer {}\r\n",
        user.tokens.access_token
    );
    let request = [b"GET ", target, head.as_bytes(), header_lines, b"\r\n"].concat();
    let address = (address.to_owned(), port);
    let exchange = tokio::task::spawn_blocking(move || {
        let mut socket = TcpStream::connect(address)?;
        socket.write_all(&request)?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer)?;
        std::io::Result::Ok(answer)
    });
    let answer = exchange.await??;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("no answer: {answer}"))?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}

#[tokio::test]
async fn a_query_string_with_characters_that_a_url_must_not_have_is_read() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for query in ["a=<b>\"", "a=`{|}\\^", "<>=\"&limit=1"] {
        let (status, body) = send(&user, format!("/api/images?{query}").as_bytes(), b"").await?;
        assert_eq!((status, body.contains("\"images\":[]")), (200, true), "{query}: {body}");
    }
    for (query, code) in [("limit=<1>", "invalid-field"), ("cursor=\"<\"", "bad-cursor")] {
        let (status, body) = send(&user, format!("/api/images?{query}").as_bytes(), b"").await?;
        assert_eq!((status, body.contains(code)), (400, true), "{query}: {body}");
    }
    Ok(())
}

#[tokio::test]
async fn no_path_and_no_header_makes_a_function_fail() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for target in [
        "/api/images/<x>\"",
        "/api/images/%3Cx%3E%22%23%3F",
        "/api/images/%00%0A%7F",
        "/api/images/%FF%C3",
        "/api/images/%zz",
        "/api/images/{|}^`\\",
        "/<script>\"",
        "//x/%5C%3A99999",
    ] {
        let (status, body) = send(&user, target.as_bytes(), b"").await?;
        assert_eq!((status, body.contains("\"not-found\"")), (404, true), "{target}: {body}");
    }
    for lines in [
        &b"x-any: \xc3\xa9\xf0\x9f\x98\x80\r\n"[..],
        b"x-any: \xe9\xff\x80\r\n",
        b"x-any:\r\nx-any: 2\r\nx-any: \"<>\"\r\n",
        b"x-forwarded-proto: a b:\r\n",
        b"cookie: a=\xe9; b=<\"\r\n",
    ] {
        let (status, body) = send(&user, b"/api/images", lines).await?;
        ensure!(status == 200, "{:?}: {status} {body}", String::from_utf8_lossy(lines));
    }
    Ok(())
}
