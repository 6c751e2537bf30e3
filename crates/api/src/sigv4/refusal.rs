//! Why a request is not accepted as signed.

/// The texts are AWS's where AWS has one, and are meant for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Missing Authentication Token")]
    Missing,
    /// The signature's parts are malformed, absent or contradict each other.
    #[error("{0}")]
    Incomplete(String),
    #[error("{0}")]
    Expired(String),
    #[error("{0}")]
    NotYetCurrent(String),
    /// The credential scope or the list of signed headers is not one that may be used here.
    #[error("{0}")]
    Unfit(String),
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
}

impl Refusal {
    /// The error code that AWS's JSON services answer with.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::Expired(_) | Self::NotYetCurrent(_) | Self::Unfit(_) | Self::Mismatch => {
                "InvalidSignatureException"
            }
        }
    }
}
