//! Which tier a parameter is of.
//! Source: systems-manager.md 10.2.

/// Of both tiers, in bytes of the value.
pub(super) const STANDARD_BYTES: usize = 4096;
pub(super) const ADVANCED_BYTES: usize = 8192;
/// Of an account in a region.
const MOST_STANDARD: i64 = 10_000;
const MOST_ADVANCED: i64 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Standard,
    Advanced,
}

impl Tier {
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Standard, Self::Advanced].into_iter().find(|tier| tier.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Advanced => "Advanced",
        }
    }

    pub fn most_parameters(self) -> i64 {
        match self {
            Self::Standard => MOST_STANDARD,
            Self::Advanced => MOST_ADVANCED,
        }
    }

    pub fn most_bytes(self) -> usize {
        match self {
            Self::Standard => STANDARD_BYTES,
            Self::Advanced => ADVANCED_BYTES,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TierError {
    #[error(
        "Tier: this parameter uses the advanced-parameter tier, and can't be made a standard parameter again"
    )]
    Downgrade,
    #[error("Policies: only parameters of the advanced-parameter tier have policies")]
    Policies,
    #[error("Tier: expected Standard, Advanced or Intelligent-Tiering")]
    Unknown,
}

/// What decides about the tier.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The member of the request.
    pub tier: Option<&'a str>,
    /// Of the parameter as it is, where there is one.
    pub before: Option<Tier>,
    pub value_bytes: usize,
    pub has_policies: bool,
    /// How many parameters of the standard tier there are.
    pub standard_count: i64,
}

/// The tier of the version that a request makes.
pub fn chosen_tier(wanted: Wanted<'_>) -> Result<Tier, TierError> {
    let needs_more = wanted.value_bytes > STANDARD_BYTES || wanted.has_policies;
    let is_full = wanted.before.is_none() && wanted.standard_count >= MOST_STANDARD;
    let tier = match (wanted.tier, wanted.before) {
        (Some("Advanced"), _) | (None | Some("Intelligent-Tiering"), Some(Tier::Advanced)) => Tier::Advanced,
        (Some("Standard"), Some(Tier::Advanced)) => return Err(TierError::Downgrade),
        (Some("Intelligent-Tiering"), _) if needs_more || is_full => Tier::Advanced,
        (None | Some("Standard" | "Intelligent-Tiering"), _) => Tier::Standard,
        (Some(_), _) => return Err(TierError::Unknown),
    };
    match tier == Tier::Standard && wanted.has_policies {
        true => Err(TierError::Policies),
        false => Ok(tier),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_chosen() {
        let small =
            Wanted { tier: None, before: None, value_bytes: 1, has_policies: false, standard_count: 0 };
        let large = Wanted { value_bytes: 4097, ..small };
        let expiring = Wanted { has_policies: true, ..small };
        let (standard, advanced) = (Some("Standard"), Some("Advanced"));
        let intelligent = Some("Intelligent-Tiering");
        let was = Some(Tier::Advanced);
        let rows = [
            (small, Ok(Tier::Standard)),
            (Wanted { tier: standard, ..small }, Ok(Tier::Standard)),
            (Wanted { tier: advanced, ..small }, Ok(Tier::Advanced)),
            (Wanted { tier: intelligent, ..small }, Ok(Tier::Standard)),
            (Wanted { tier: intelligent, ..large }, Ok(Tier::Advanced)),
            (Wanted { tier: intelligent, ..expiring }, Ok(Tier::Advanced)),
            (Wanted { tier: intelligent, standard_count: 10_000, ..small }, Ok(Tier::Advanced)),
            (
                Wanted { tier: intelligent, standard_count: 10_000, before: Some(Tier::Standard), ..small },
                Ok(Tier::Standard),
            ),
            (Wanted { before: was, ..small }, Ok(Tier::Advanced)),
            (Wanted { tier: intelligent, before: was, ..small }, Ok(Tier::Advanced)),
            (Wanted { tier: standard, before: was, ..small }, Err(TierError::Downgrade)),
            (expiring, Err(TierError::Policies)),
            (Wanted { tier: standard, ..expiring }, Err(TierError::Policies)),
            (Wanted { tier: Some("Other"), ..small }, Err(TierError::Unknown)),
        ];
        for (wanted, expected) in rows {
            assert_eq!(chosen_tier(wanted), expected, "{wanted:?}");
        }
    }
}
