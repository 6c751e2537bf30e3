//! The list of users.

use api::Timestamp;
use api::fettle::{User, UserStatus};

use super::table::Table;
use super::{age, clean, count};

pub fn render(users: &[User], now: Timestamp) -> String {
    if users.is_empty() {
        return "There are no users but root. `fettle users add NAME --policy FILE` adds one.\n".to_owned();
    }
    let mut table = Table::new(&["USER", "STATUS", "PASSWORD", "ADDED", "POLICIES"]);
    for user in users {
        let policies: Vec<String> = user.policies.keys().map(|name| clean(name)).collect();
        table.row([
            clean(&user.user_name),
            if user.status == UserStatus::Active { "may sign in" } else { "disabled" }.to_owned(),
            user.password_changed_at
                .map_or_else(|| "none".to_owned(), |at| format!("set {}", age::since(at, now))),
            age::since(user.created_at, now),
            if policies.is_empty() { "none".to_owned() } else { policies.join(", ") },
        ]);
    }
    format!("{}\n{}\n", table.render(""), count(users.len(), "user", "users"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_who_may_do_nothing_and_who_has_no_password() {
        let at = Timestamp::from_seconds(1_000_000);
        let mut ann = User { user_name: "ann".to_owned(), created_at: at, ..User::default() };
        ann.status = UserStatus::Active;
        ann.password_changed_at = Some(at.plus_seconds(60));
        ann.policies.insert("read-only".to_owned(), "{}".to_owned());
        let bob = User {
            user_name: "bob\u{1b}".to_owned(),
            status: UserStatus::Disabled,
            created_at: at,
            ..User::default()
        };
        let expected = "USER  STATUS       PASSWORD          ADDED        POLICIES\n\
                        ann   may sign in  set 1 minute ago  2 minutes ago  read-only\n";
        let text = render(&[ann, bob], at.plus_seconds(120));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(lines[0]), words(expected.lines().next().unwrap()));
        assert_eq!(words(lines[1]), words(expected.lines().nth(1).unwrap()));
        assert_eq!(words(lines[2]), words("bob disabled none 2 minutes ago none"));
        assert_eq!(lines[4], "2 users");
        assert!(render(&[], at).contains("fettle users add"));
    }
}
