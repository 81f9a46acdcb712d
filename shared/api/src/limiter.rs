//! Limits the rate of requests of each user and each address, in each instance of a function.
//!
//! An instance of a function processes one request at a time, and Lambda gives a request to any instance that is free.
//! So the instances together allow more than one of them, but a client that sends many requests finds its limit in the
//! instances that it keeps busy. A refused request makes no call, so it is cheap.

use std::{
    env,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};
use lambda_http::{Request, RequestExt, http::Method, request::RequestContext};

use crate::{Authorization, Problem, client_address::ClientAddress};

type Buckets =
    RateLimiter<String, HashMapStateStore<String>, MonotonicClock, NoOpMiddleware<std::time::Instant>>;

/// The rate limits of an instance.
#[derive(Default)]
pub(crate) struct Limiter {
    /// Requests of users with an access token.
    users: Option<Buckets>,
    /// Other requests, by address.
    addresses: Option<Buckets>,
    /// Requests without a token that change something, such as logins, by address.
    attempts: Option<Buckets>,
    /// The address of a client that came through the edge.
    clients: ClientAddress,
}

impl Limiter {
    /// A bucket holds the requests of this many seconds.
    const BURST_SECONDS: u32 = 5;
    /// Of the requests of an address, one in this many may be an attempt to log in, to register and so on.
    const REQUESTS_PER_ATTEMPT: u32 = 5;
    /// Beyond this number of buckets, those that are full again are removed.
    const MAX_BUCKETS: usize = 1_000;

    /// The limits that the environment sets, in requests per second: `USER_RATE` for each user and `ADDRESS_RATE` for
    /// each address. 0 is no limit, and so is a missing variable.
    pub(crate) fn from_env() -> Self {
        let rate = |name| env::var(name).ok().and_then(|rate| rate.parse().ok()).unwrap_or(0);
        Self { clients: ClientAddress::from_env(), ..Self::new(rate("USER_RATE"), rate("ADDRESS_RATE")) }
    }

    pub(crate) fn new(user_rate: u32, address_rate: u32) -> Self {
        let attempt_rate =
            if address_rate == 0 { 0 } else { (address_rate / Self::REQUESTS_PER_ATTEMPT).max(1) };
        Self {
            users: buckets(user_rate),
            addresses: buckets(address_rate),
            attempts: buckets(attempt_rate),
            clients: ClientAddress::default(),
        }
    }

    /// Takes a token for a request.
    ///
    /// # Errors
    /// 429 `rate-limited`
    pub(crate) fn check(&self, request: &Request) -> Result<(), Problem> {
        let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
            return Ok(());
        };
        let claims = context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref());
        let user = claims.and_then(|jwt| jwt.claims.get("sub").cloned());
        let user = user.or_else(|| Authorization::of(request)?.ok()?.user().map(str::to_owned));
        let address = context.http.source_ip.as_deref().map(|peer| self.clients.of(request.headers(), peer));
        let (buckets, key) = match (user, address) {
            (Some(user), _) => (&self.users, user),
            (None, Some(address)) if *request.method() == Method::POST => (&self.attempts, network(address)),
            (None, Some(address)) => (&self.addresses, network(address)),
            (None, None) => return Ok(()),
        };
        let Some(buckets) = buckets else { return Ok(()) };
        if buckets.len() > Self::MAX_BUCKETS {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
        buckets.check_key(&key).map_err(|refusal| {
            let wait = refusal.wait_time_from(MonotonicClock.now());
            Problem::rate_limited(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
        })
    }
}

/// Token buckets that refill with this many tokens per second.
fn buckets(rate: u32) -> Option<Buckets> {
    let interval = Duration::from_secs(1).checked_div(rate)?;
    let burst = NonZeroU32::new(rate.saturating_mul(Limiter::BURST_SECONDS))?;
    let quota = Quota::with_period(interval)?.allow_burst(burst);
    Some(RateLimiter::new(quota, HashMapStateStore::default(), MonotonicClock))
}

/// The address, or the network of an IPv6 address: a client usually has 2^64 addresses of its own (RFC 6177, "IPv6
/// Address Assignment to End Sites").
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::{aws_lambda_events::apigw::ApiGatewayV2httpRequest, request::LambdaRequest};
    use serde_json::json;

    use super::*;

    fn request(method: &str, user: Option<&str>, address: &str) -> Request {
        let authorizer = user.map(|user| json!({"jwt": {"claims": {"sub": user}}}));
        let event = json!({
            "version": "2.0", "rawPath": "/", "rawQueryString": "", "headers": {},
            "requestContext": {"http": {"method": method, "path": "/", "sourceIp": address}, "authorizer": authorizer},
            "isBase64Encoded": false,
        });
        let event: ApiGatewayV2httpRequest = serde_json::from_value(event).unwrap();
        LambdaRequest::ApiGatewayV2(event).into()
    }

    /// How many of 1,000 requests are accepted.
    fn accepted(limiter: &Limiter, request: &Request) -> usize {
        (0..1_000).filter(|_| limiter.check(request).is_ok()).count()
    }

    #[test]
    fn each_user_and_each_address_has_a_bucket_of_its_own() {
        let limiter = Limiter::new(20, 10);
        let ann = request("GET", Some("ann"), "192.0.2.1");
        let at_once = accepted(&limiter, &ann);
        // The loop itself takes some milliseconds, in which the bucket refills.
        assert!((100..110).contains(&at_once), "{at_once}");
        assert_eq!(limiter.check(&ann).unwrap_err().retry_after, Some(1));
        assert!(limiter.check(&request("POST", Some("bob"), "192.0.2.1")).is_ok());
        let at_once = accepted(&limiter, &request("GET", None, "192.0.2.1"));
        assert!((50..55).contains(&at_once), "{at_once}");
        let logins = accepted(&limiter, &request("POST", None, "192.0.2.1"));
        assert!((10..12).contains(&logins), "{logins}");
        assert!(limiter.check(&request("POST", None, "192.0.2.2")).is_ok());
    }

    #[test]
    fn the_addresses_of_an_ipv6_network_share_a_bucket() {
        let limiter = Limiter::new(0, 1);
        let from = |host: u32| request("GET", None, &format!("2001:db8:1:2::{host:x}"));
        assert_eq!((0..100).filter(|host| limiter.check(&from(*host)).is_ok()).count(), 5);
        assert!(limiter.check(&request("GET", None, "2001:db8:1:3::1")).is_ok());
    }

    #[test]
    fn clients_behind_the_edge_have_buckets_of_their_own() {
        let mut limiter = Limiter::new(0, 1);
        limiter.clients = ClientAddress::new("stack-id");
        let through_edge = |client: &str| {
            let mut request = request("GET", None, "192.0.2.1");
            request.headers_mut().insert("x-darkroom-edge", "stack-id".parse().unwrap());
            request.headers_mut().insert("x-forwarded-for", format!("{client}, 192.0.2.1").parse().unwrap());
            request
        };
        // The loop itself takes some time, in which the bucket refills.
        assert!((5..8).contains(&accepted(&limiter, &through_edge("203.0.113.7"))));
        assert!(limiter.check(&through_edge("203.0.113.8")).is_ok());
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let limiter = Limiter::new(0, 0);
        assert_eq!(accepted(&limiter, &request("GET", Some("ann"), "192.0.2.1")), 1_000);
        assert_eq!(accepted(&limiter, &request("POST", None, "192.0.2.1")), 1_000);
    }

    #[test]
    fn many_addresses_need_little_memory() {
        let limiter = Limiter::new(0, 1_000);
        for host in 0..20_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(host).to_string();
            assert!(limiter.check(&request("GET", None, &address)).is_ok());
        }
        let buckets = limiter.addresses.as_ref().unwrap().len();
        assert!(buckets < 5_000, "{buckets}");
    }
}
