//! The socket to the server. Without `TCP_NODELAY` the tail of every large message waits for an acknowledgement that the
//! server's kernel delays by 40 ms: a tenth of the throughput is left.

use std::{net::TcpStream, os::fd::OwnedFd};

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use sqlx::Row;

use super::{super::PostgresOptions, options, test_store_with};
use crate::{
    services,
    store::{sql_builder::SqlBuilder, tests::block_on},
};

/// Duplicates of the TCP sockets of this process that are bound to a local port.
fn sockets_on(port: u16) -> std::io::Result<Vec<TcpStream>> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let is_socket = std::fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if !is_socket {
            continue;
        }
        let descriptor: OwnedFd = pidfd_getfd(&this, number, PidfdGetfdFlags::empty())?;
        let stream = TcpStream::from(descriptor);
        if stream.local_addr().is_ok_and(|address| address.port() == port) {
            found.push(stream);
        }
    }
    Ok(found)
}

#[test]
fn a_connection_over_tcp_sends_at_once() {
    block_on(async {
        let one_connection = PostgresOptions {
            connections: 1,
            ..options()
        };
        let Some(test_store) = test_store_with(one_connection).await else {
            return;
        };
        let port = SqlBuilder::new("SELECT inet_client_port()");
        let rows = test_store.store.database.run(port).await.unwrap();
        let Some(port) = rows[0].get::<Option<i32>, _>(0) else {
            services::left_out("TCP_NODELAY towards PostgreSQL: the server is reached over a Unix socket");
            return;
        };
        match sockets_on(u16::try_from(port).unwrap()) {
            Ok(sockets) => {
                assert!(!sockets.is_empty(), "no socket is bound to port {port}");
                for socket in sockets {
                    assert!(socket.nodelay().unwrap(), "{socket:?}");
                }
            }
            Err(error) => services::left_out(&format!(
                "TCP_NODELAY towards PostgreSQL: the kernel does not show sockets: {error}"
            )),
        }
    });
}
