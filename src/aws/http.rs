//! How the SDK's clients connect: as by default (hyper, rustls with AWS-LC, the system's trusted certificates, the proxies that
//! the environment names), but with one connector for all clients, made at the first call. By default each client has its
//! own, and makes one more when it is built to see that it can; each reads all trusted certificates, which took most of the
//! function's start.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// What tells connectors apart: how long connecting and reading may take.
type Patience = (Option<Duration>, Option<Duration>);

/// The connectors that clients share.
#[derive(Debug, Default)]
pub(super) struct SharedConnectors {
    made: Mutex<Vec<(Patience, SharedHttpConnector)>>,
}

impl HttpClient for SharedConnectors {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let patience = (settings.connect_timeout(), settings.read_timeout());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, connector)) = made.iter().find(|(other, _)| *other == patience) {
            return connector.clone();
        }
        let connector = SharedHttpConnector::new(connector(settings, components));
        made.push((patience, connector.clone()));
        connector
    }
}

fn connector(settings: &HttpConnectorSettings, components: &RuntimeComponents) -> Connector {
    let mut builder: ConnectorBuilder<_> = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .proxy_config(ProxyConfig::from_env())
        .connector_settings(settings.clone());
    builder.set_sleep_impl(components.sleep_impl());
    builder.build()
}
