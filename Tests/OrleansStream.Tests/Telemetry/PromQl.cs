using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace OrleansStream.Tests.Telemetry;

/// <summary>A series of a result: its labels, without the metric's name, and its value.</summary>
internal sealed record PromQlSeries(IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>
/// Evaluates the part of PromQL that the dashboards and alerts use, over a few scrapes: selectors with matchers and ranges, <c>rate</c>,
/// <c>increase</c>, <c>delta</c>, <c>histogram_quantile</c>, <c>clamp_min</c>, <c>time</c>, <c>vector</c>, aggregations, arithmetic and comparisons.
/// What it does not know is an error. Rates are not extrapolated.
/// </summary>
internal sealed class PromQl
{
    private static readonly string[] Aggregations = ["sum", "min", "max", "avg", "count", "topk"];
    private static readonly string[][] Operators = [["or"], ["and"], [">", "<", ">=", "<=", "==", "!="], ["+", "-"], ["*", "/"]];

    private readonly IReadOnlyList<(double Seconds, IReadOnlyList<PrometheusSample> Samples)> _scrapes;
    private readonly List<string> _tokens;
    private int _at;

    private PromQl(IReadOnlyList<(double, IReadOnlyList<PrometheusSample>)> scrapes, string query) => (_scrapes, _tokens) = (scrapes, Split(query));

    /// <summary>Evaluates a query at the time of the last scrape.</summary>
    /// <exception cref="FormatException">The query is wrong, or has what is not known here.</exception>
    public static IReadOnlyList<PromQlSeries> Evaluate(
        string query, IReadOnlyList<(double Seconds, IReadOnlyList<PrometheusSample> Samples)> scrapes)
    {
        var evaluation = new PromQl(scrapes, query);
        var result = evaluation.Binary(0);
        if (evaluation._at < evaluation._tokens.Count)
            throw new FormatException($"'{evaluation.Peek}' is too much in: {query}");
        return result;
    }

    private string Peek => _at < _tokens.Count ? _tokens[_at] : "";

    private List<PromQlSeries> Binary(int level)
    {
        if (level == Operators.Length)
            return Primary();
        var left = Binary(level + 1);
        while (Operators[level].Contains(Peek))
        {
            var op = Take();
            var on = LabelsAfter("on");
            left = Combine(left, op, on, Binary(level + 1));
        }

        return left;
    }

    private static List<PromQlSeries> Combine(List<PromQlSeries> left, string op, List<string>? on, List<PromQlSeries> right)
    {
        if (op == "or")
            return [.. left, .. right.Where(one => left.TrueForAll(other => KeyOf(other, on) != KeyOf(one, on)))];
        if (op == "and")
            return [.. left.Where(one => right.Exists(other => KeyOf(other, on) == KeyOf(one, on)))];
        var result = new List<PromQlSeries>();
        var rightIsScalar = right is [{ Labels.Count: 0 }];
        var leftIsScalar = left is [{ Labels.Count: 0 }] && !rightIsScalar;
        foreach (var one in leftIsScalar ? right : left)
        {
            var other = leftIsScalar ? left[0] : rightIsScalar ? right[0] : right.Find(match => KeyOf(match, on) == KeyOf(one, on));
            if (other is null)
                continue;
            var (a, b) = leftIsScalar ? (other.Value, one.Value) : (one.Value, other.Value);
            double? value = op switch
            {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                "/" => a / b,
                _ => Holds(a, op, b) ? one.Value : null,
            };
            if (value is { } known)
                result.Add(one with { Value = known });
        }

        return result;
    }

    private static bool Holds(double a, string op, double b) => op switch
    {
        ">" => a > b,
        "<" => a < b,
        ">=" => a >= b,
        "<=" => a <= b,
        "==" => a.Equals(b),
        _ => !a.Equals(b),
    };

    private List<PromQlSeries> Primary()
    {
        var token = Peek;
        if (token == "(")
        {
            Take();
            var inner = Binary(0);
            Expect(")");
            return inner;
        }

        if (double.TryParse(token, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            Take();
            return [new PromQlSeries(new Dictionary<string, string>(), number)];
        }

        if (Aggregations.Contains(token))
            return Aggregate(Take());
        return _at + 1 < _tokens.Count && _tokens[_at + 1] == "(" ? Call(Take()) : Select();
    }

    private List<PromQlSeries> Aggregate(string kind)
    {
        var by = LabelsAfter("by");
        Expect("(");
        var count = kind == "topk" ? (int)Binary(0)[0].Value : 0;
        if (kind == "topk")
            Expect(",");
        var inner = Binary(0);
        Expect(")");
        by ??= LabelsAfter("by");
        if (kind == "topk")
            return [.. inner.OrderByDescending(one => one.Value).Take(count)];
        return [.. inner.GroupBy(one => KeyOf(one, by ?? [])).Select(group => new PromQlSeries(
            Only(group.First().Labels, by ?? []),
            kind switch
            {
                "sum" => group.Sum(one => one.Value),
                "min" => group.Min(one => one.Value),
                "max" => group.Max(one => one.Value),
                "avg" => group.Average(one => one.Value),
                _ => group.Count(),
            }))];
    }

    private List<PromQlSeries> Call(string function)
    {
        Expect("(");
        List<PromQlSeries> result;
        switch (function)
        {
            case "rate" or "increase" or "delta":
                result = Change(function);
                break;
            case "histogram_quantile":
                var quantile = Binary(0)[0].Value;
                Expect(",");
                result = Quantile(quantile, Binary(0));
                break;
            case "clamp_min":
                var values = Binary(0);
                Expect(",");
                var least = Binary(0)[0].Value;
                result = [.. values.Select(one => one with { Value = Math.Max(one.Value, least) })];
                break;
            case "vector":
                result = Binary(0);
                break;
            case "time":
                result = [new PromQlSeries(new Dictionary<string, string>(), _scrapes[^1].Seconds)];
                break;
            default:
                throw new FormatException($"The function '{function}' is not known here.");
        }

        Expect(")");
        return result;
    }

    private List<PromQlSeries> Change(string function)
    {
        var (name, matchers) = Selector();
        if (!Peek.StartsWith('['))
            throw new FormatException($"'{function}' needs a range.");
        var seconds = Seconds(Take());
        var within = _scrapes.Where(scrape => scrape.Seconds >= _scrapes[^1].Seconds - seconds).ToList();
        var (first, last) = (within[0], within[^1]);
        var before = first.Samples.Where(one => Matches(one, name, matchers)).ToDictionary(KeyOf);
        return [.. last.Samples.Where(one => Matches(one, name, matchers) && before.ContainsKey(KeyOf(one))).Select(one =>
        {
            var change = one.Value - before[KeyOf(one)].Value;
            return new PromQlSeries(one.Labels, function == "rate" ? change / Math.Max(last.Seconds - first.Seconds, 1e-9) : change);
        })];
    }

    private List<PromQlSeries> Select()
    {
        var (name, matchers) = Selector();
        return [.. _scrapes[^1].Samples.Where(one => Matches(one, name, matchers)).Select(one => new PromQlSeries(one.Labels, one.Value))];
    }

    private (string Name, List<(string Label, string Op, string Value)> Matchers) Selector()
    {
        var name = Take();
        if (!Regex.IsMatch(name, "^[a-zA-Z_:][a-zA-Z0-9_:]*$"))
            throw new FormatException($"'{name}' is no metric.");
        var matchers = new List<(string, string, string)>();
        if (Peek != "{")
            return (name, matchers);
        Take();
        while (Peek != "}")
        {
            var (label, op, value) = (Take(), Take(), Take());
            if (op is not ("=" or "!=" or "=~" or "!~") || value[0] is not ('"' or '\''))
                throw new FormatException($"'{label}{op}{value}' is no matcher.");
            matchers.Add((label, op, value[1..^1]));
            if (Peek == ",")
                Take();
        }

        Take();
        return (name, matchers);
    }

    private static bool Matches(PrometheusSample sample, string name, List<(string Label, string Op, string Value)> matchers) =>
        sample.Name == name && matchers.TrueForAll(matcher =>
        {
            var value = sample.Labels.GetValueOrDefault(matcher.Label, "");
            return matcher.Op switch
            {
                "=" => value == matcher.Value,
                "!=" => value != matcher.Value,
                "=~" => Regex.IsMatch(value, $"^(?:{matcher.Value})$"),
                _ => !Regex.IsMatch(value, $"^(?:{matcher.Value})$"),
            };
        });

    private static List<PromQlSeries> Quantile(double quantile, List<PromQlSeries> buckets) =>
    [
        .. buckets.Where(one => one.Labels.ContainsKey("le"))
            .GroupBy(one => KeyOf(one, [.. one.Labels.Keys.Where(label => label != "le").Order(StringComparer.Ordinal)]))
            .Select(group =>
            {
                var sorted = group.Select(one => (Bound: one.Labels["le"] == "+Inf" ? double.PositiveInfinity
                    : double.Parse(one.Labels["le"], CultureInfo.InvariantCulture), one.Value)).OrderBy(one => one.Bound).ToList();
                var rank = quantile * sorted[^1].Value;
                var found = sorted.FindIndex(one => one.Value >= rank);
                var value = sorted[^1].Value == 0 ? double.NaN : double.IsInfinity(sorted[found].Bound) ? sorted[^2].Bound : sorted[found].Bound;
                return new PromQlSeries(Only(group.First().Labels, [.. group.First().Labels.Keys.Where(label => label != "le")]), value);
            }),
    ];

    private List<string>? LabelsAfter(string keyword)
    {
        if (Peek != keyword)
            return null;
        Take();
        Expect("(");
        var labels = new List<string>();
        while (Peek != ")")
        {
            labels.Add(Take());
            if (Peek == ",")
                Take();
        }

        Take();
        return labels;
    }

    private static Dictionary<string, string> Only(IReadOnlyDictionary<string, string> labels, List<string> names) =>
        names.Where(labels.ContainsKey).ToDictionary(name => name, name => labels[name]);

    private static string KeyOf(PrometheusSample sample) => string.Join('|', sample.Labels.OrderBy(label => label.Key, StringComparer.Ordinal));

    private static string KeyOf(PromQlSeries series, List<string>? labels) => string.Join('|', series.Labels
        .Where(label => labels?.Contains(label.Key) ?? true).OrderBy(label => label.Key, StringComparer.Ordinal));

    private static double Seconds(string range) => range[^2] switch
    {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => throw new FormatException($"'{range}' is no range."),
    } * double.Parse(range[1..^2], CultureInfo.InvariantCulture);

    private string Take() => _at < _tokens.Count ? _tokens[_at++] : throw new FormatException("The query ends too early.");

    private void Expect(string token)
    {
        if (Take() is var found && found != token)
            throw new FormatException($"'{found}' in place of '{token}'.");
    }

    private static List<string> Split(string query)
    {
        var tokens = Regex.Matches(query, """\s+|\[[^\]]+\]|"[^"]*"|'[^']*'|=~|!~|!=|>=|<=|==|[(){},=><+\-*/]|[a-zA-Z_:][a-zA-Z0-9_:]*|[0-9.]+(?:e[0-9]+)?""");
        var covered = new StringBuilder();
        foreach (Match token in tokens)
            covered.Append(token.Value);
        if (covered.ToString() != query)
            throw new FormatException($"Not all of this is understood: {query}");
        return [.. tokens.Select(token => token.Value.Trim()).Where(token => token.Length > 0)];
    }
}
