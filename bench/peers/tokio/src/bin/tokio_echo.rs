// A TCP echo server on Tokio: tokio_echo PORT THREADS. 0 threads: the current-thread runtime.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn serve(mut peer: TcpStream) -> std::io::Result<()> {
    peer.set_nodelay(true)?;
    let mut buffer = [0u8; 4096];
    loop {
        let n = peer.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        peer.write_all(&buffer[..n]).await?;
    }
}

async fn accept_all(port: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (peer, _) = listener.accept().await?;
        tokio::spawn(serve(peer));
    }
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let mut builder = if numbers[1] == 0 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    if numbers[1] > 0 {
        builder.worker_threads(numbers[1]);
    }
    let ended = builder.enable_all().build().unwrap().block_on(accept_all(numbers[0] as u16));
    eprintln!("tokio_echo: {ended:?}");
    std::process::exit(1);
}
