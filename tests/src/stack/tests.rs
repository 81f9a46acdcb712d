use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

#[tokio::test]
async fn a_response_that_the_contract_does_not_allow_is_an_error() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _request = client.read(&mut [0; 1024]).await?;
            let empty = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
            client.write_all(empty.as_bytes()).await?;
        }
        anyhow::Ok(())
    });
    let request = http_client().build()?.get(format!("http://{address}/api/images#GET"));
    let error = send(request).await.expect_err("a list without images");
    assert!(error.to_string().contains("docs/openapi.yaml does not allow"), "{error}");
    Ok(())
}
