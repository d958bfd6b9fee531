//! Formulas as tables: what they give, what they need, what is refused.

use proptest::prelude::*;

use super::*;

fn recommended(name: &str) -> Option<f64> {
    match name {
        "cpu" => Some(12.0),
        "orders" => Some(30.0),
        "none" => Some(0.0),
        _ => None,
    }
}

#[track_caller]
fn evaluate(text: &str) -> Result<f64, String> {
    let formula = Formula::parse(text).unwrap_or_else(|error| panic!("{text}: {}", error.message));
    formula.evaluate(recommended).map_err(|unanswered| format!("{unanswered:?}"))
}

#[test]
fn a_formula_gives_what_its_figures_give_by_hand() {
    let cases = [
        ("max(cpu, min(orders, 20))", 20.0),
        ("cpu + orders * 2", 72.0),
        ("(cpu + orders) / 2", 21.0),
        ("orders - cpu - 8", 10.0),
        ("100 / 5 / 2", 10.0),
        ("orders % 7", 2.0),
        ("-cpu + 20", 8.0),
        ("2 * -3 + 10", 4.0),
        ("max(1, 2, cpu, 3)", 12.0),
        ("abs(cpu - orders)", 18.0),
        ("ceil(cpu / 5) + floor(cpu / 5) + round(cpu / 5)", 7.0),
        ("cpu > 10 ? orders : 1", 30.0),
        ("cpu > 12 ? orders : 1", 1.0),
        ("cpu >= 12 && orders < 31 ? 5 : 6", 5.0),
        ("cpu != 12 || orders == 30 ? 5 : 6", 5.0),
        ("!(cpu > 1) ? 5 : 6", 6.0),
        ("cpu < 5 ? 1 : cpu < 20 ? 2 : 3", 2.0),
        ("cpu > 1 ? orders > 50 ? 1 : 2 : 3", 2.0),
        ("lost ?? 4", 4.0),
        ("cpu ?? 4", 12.0),
        ("lost ?? 4 * 2", 8.0),
        ("lost ?? gone ?? 7", 7.0),
        ("max(cpu, lost ?? 0)", 12.0),
        ("(lost + cpu) ?? orders", 30.0),
        ("cpu > 1 ? cpu : lost", 12.0),
        ("  0.5*cpu\n", 6.0),
    ];
    for (text, value) in cases {
        assert_eq!(evaluate(text), Ok(value), "{text}");
    }
}

#[test]
fn the_longest_chain_is_computed() {
    assert_eq!(evaluate(&("1+".repeat(249) + "1")), Ok(250.0));
    assert_eq!(evaluate(&("lost??".repeat(80) + "1")), Ok(1.0));
}

#[test]
fn without_a_figure_that_it_needs_there_is_no_result() {
    let cases = [
        ("lost", r#"Policy("lost")"#),
        ("max(cpu, lost)", r#"Policy("lost")"#),
        ("cpu > 20 ? cpu : lost", r#"Policy("lost")"#),
        ("lost > 1 && cpu > 100 ? 1 : 2", r#"Policy("lost")"#),
        ("cpu / none", "NotFinite"),
        ("none / none", "NotFinite"),
        ("min(cpu / none, 20)", "NotFinite"),
        ("cpu % none ?? 3", "NotFinite"),
    ];
    for (text, why) in cases {
        assert_eq!(evaluate(text), Err(why.to_owned()), "{text}");
    }
}

#[test]
fn a_text_that_is_no_formula_is_refused_with_its_place() {
    let deep = "(".repeat(40) + "1" + &")".repeat(40);
    let signs = "-".repeat(400) + "1";
    let conditions = "1 > 2 ? 1 : ".repeat(40) + "1";
    let long = "1 + ".repeat(200) + "1";
    let digits = "9".repeat(400);
    let too_large = format!("{digits:?} is not a number (character 1)");
    let cases: [(&str, &str); 24] = [
        ("", "ends where a number or a policy's name is expected"),
        ("   ", "ends where a number or a policy's name is expected"),
        ("cpu +", "ends where a number or a policy's name is expected"),
        ("cpu orders", "expected an operator, found \"orders\" (character 5)"),
        ("cpu = 5 ? 1 : 2", "expected an operator, found \"=\" (character 5); did you mean \"==\"?"),
        ("max(cpu, orders", "ends where \")\" is expected"),
        ("cpu)", "expected an operator, found \")\" (character 4)"),
        ("max()", "expected a number or a policy's name, found \")\" (character 5)"),
        ("abs(cpu, orders)", "expected \")\", found \",\" (character 8)"),
        ("ciel(cpu)", "unknown function \"ciel\" (character 1); did you mean \"ceil\"?"),
        ("sum(cpu)", "unknown function \"sum\" (character 1); known here: max, min, abs, ceil, floor, round"),
        ("cpu > 5", "expected a number, found a condition (character 1)"),
        ("1 + (cpu > 5)", "expected a number, found a condition (character 5)"),
        ("cpu ? 1 : 2", "expected a condition, found a number (character 1); compare it, as in cpu > 5"),
        (
            "cpu > 1 && 5 ? 1 : 2",
            "expected a condition, found a number (character 12); compare it, as in cpu > 5",
        ),
        ("1 < cpu < 5 ? 1 : 2", "expected a number, found a condition (character 1)"),
        ("cpu > 5 ? 1", "ends where \":\" is expected"),
        ("cpu; 1", "';' has no place in a formula (character 4)"),
        ("größe", "'ö' has no place in a formula (character 3)"),
        ("1.2.3", "\"1.2.3\" is not a number (character 1)"),
        (&digits, &too_large),
        (&deep, "is nested more than 32 levels deep (character 33)"),
        (&signs, "is nested more than 32 levels deep (character 33)"),
        (&long, "has 801 bytes; a formula has 500 at most"),
    ];
    for (text, expected) in cases {
        let InvalidFormula { message, hint } = Formula::parse(text).expect_err(text);
        let told = hint.map_or(message.clone(), |hint| format!("{message}; {hint}"));
        assert_eq!(told, expected, "{text}");
    }
    assert!(Formula::parse(&conditions).is_err(), "a chain of conditions is deep as well");
}

#[test]
fn the_figures_are_put_in_the_place_of_the_names() {
    let formula = Formula::parse("max(cpu, lost ?? 0) + cpu_2").unwrap();
    let figure = |name: &str| (name != "lost").then(|| if name == "cpu" { "12" } else { "3" }.to_owned());
    assert_eq!(formula.filled(figure), "max(12, lost ?? 0) + 3");
    let mentioned: Vec<(&str, usize)> = formula
        .mentions()
        .iter()
        .map(|mention| (mention.name.as_str(), formula.character_of(mention)))
        .collect();
    assert_eq!(mentioned, [("cpu", 5), ("lost", 10), ("cpu_2", 23)]);
}

#[test]
fn a_name_that_would_not_be_read_as_one_is_none() {
    for name in ["cpu", "_a", "Orders_2", "ifs"] {
        assert!(is_name(name), "{name}");
    }
    for name in ["", "2nd", "a-b", "a b", "größe", "max", "target_tracking(x)", &"x".repeat(65)] {
        assert!(!is_name(name), "{name}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-c0-9 ()?:!<>=&|+*/%.,-]{0,120}") {
        if let Ok(formula) = Formula::parse(&text) {
            let value = formula.evaluate(|name| (name == "a").then_some(3.0));
            prop_assert!(value.is_err() || value.is_ok_and(f64::is_finite));
        }
    }

    #[test]
    fn a_sum_of_products_is_what_rust_makes_of_it(a in 0.0..100.0_f64, b in 0.0..100.0_f64, c in 1.0..100.0_f64) {
        let of = |name: &str| Some(match name { "a" => a, "b" => b, _ => c });
        let formula = Formula::parse("a + b * c - a / c > 50 ? a + b : min(b, c)").unwrap();
        let expected: f64 = if a + b * c - a / c > 50.0 { a + b } else { b.min(c) };
        prop_assert_eq!(formula.evaluate(of), Ok(expected));
    }
}
