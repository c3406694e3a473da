using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Telemetry;

/// <summary>The queries of our dashboards and alerts, and of dashboards that others published, over what a service was scraped.</summary>
public sealed partial class DashboardTests(MetricsFixture metrics) : IClassFixture<MetricsFixture>
{
    /// <summary>Of Grafana's dashboard 7589 for kafka_exporter, as published (https://grafana.com/grafana/dashboards/7589).</summary>
    private static readonly string[] OfKafkaExporter =
    [
        """sum(rate(kafka_topic_partition_current_offset{instance="$instance", topic=~"$topic"}[1m])) by (topic)""",
        """sum(kafka_consumergroup_lag{instance="$instance",topic=~"$topic"}) by (consumergroup, topic)""",
        """sum(delta(kafka_topic_partition_current_offset{instance=~'$instance', topic=~"$topic"}[5m])/5) by (topic)""",
        """sum(delta(kafka_consumergroup_current_offset{instance=~'$instance',topic=~"$topic"}[5m])/5) by (consumergroup, topic)""",
        """sum by(topic) (kafka_topic_partitions{instance="$instance",topic=~"$topic"})""",
        // The alerts of awesome-prometheus-alerts for kafka_exporter, without their thresholds.
        "sum(kafka_consumergroup_lag) by (consumergroup)",
        "min(kafka_topic_partition_in_sync_replica) by (topic)",
        "kafka_brokers",
    ];

    public static TheoryData<string> Dashboards => [.. Directory.GetFiles(Repository.PathOf("infra", "grafana"), "*.json").Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Dashboards))]
    public void Dashboard_OfAServiceThatWasUsed_HasSeriesInEachPanel(string file)
    {
        var dashboard = JsonNode.Parse(File.ReadAllText(Repository.PathOf("infra", "grafana", file)))!;
        var panels = dashboard["panels"]!.AsArray().Where(panel => (string?)panel!["type"] != "row").ToArray();
        var empty = panels.SelectMany(panel => panel!["targets"]!.AsArray().Select(target => (Title: (string)panel["title"]!, Query: (string)target!["expr"]!)))
            .Where(one => Evaluate(one.Query).Count == 0).ToArray();

        Assert.True(panels.Length >= 9);
        Assert.Empty(empty);
        Assert.All(panels, panel => Assert.False(string.IsNullOrEmpty((string?)panel!["description"]), $"{panel["title"]} does not say what it shows."));
    }

    [Fact]
    public void QueriesOfKafkaExportersDashboards_HaveSeries() => Assert.All(OfKafkaExporter, query => Assert.NotEmpty(Evaluate(query)));

    [Fact]
    public void Alerts_AskForMetricsThatThereAre_AndAreEvaluated()
    {
        var rules = Expression().Matches(File.ReadAllText(Repository.PathOf("infra", "prometheus", "alerts.yml"))).Select(match => match.Groups[1].Value).ToArray();
        var known = MetricsTable.Read().SelectMany(metric => metric.PrometheusNames).Append("up").ToHashSet();

        Assert.True(rules.Length >= 8);
        Assert.All(rules, rule => Evaluate(rule));
        // A group that is behind, and falls further behind, and a group that catches up.
        IReadOnlyList<PrometheusSample> Behind(double first, double second) =>
            [new("orleansstream_group_lag_age_seconds", Of("slow"), first), new("orleansstream_group_lag_age_seconds", Of("fast"), second)];
        var told = PromQl.Evaluate(rules.Single(rule => rule.Contains("lag_age", StringComparison.Ordinal)), [(0, Behind(400, 700)), (600, Behind(900, 500))]);
        Assert.Equal("slow", Assert.Single(told).Labels["messaging_consumer_group_name"]);
        Assert.All(rules.SelectMany(rule => Metric().Matches(rule)), metric => Assert.Contains(metric.Value, known));
    }

    [Fact]
    public void Evaluate_WhatIsWrong_IsAnError()
    {
        Assert.Throws<FormatException>(() => Evaluate("sum(rate(kafka_brokers)) by (topic)"));
        Assert.Throws<FormatException>(() => Evaluate("quantile_over_time(0.5, kafka_brokers[1m])"));
        Assert.Throws<FormatException>(() => Evaluate("kafka_brokers }"));
        Assert.Empty(Evaluate("kafka_brokerz"));
        Assert.Equal(5, Assert.Single(Evaluate("(1 + 2 * 2)")).Value);
        Assert.Empty(Evaluate("kafka_brokers > 1"));
    }

    private IReadOnlyList<PromQlSeries> Evaluate(string query) => PromQl.Evaluate(
        query.Replace("$__rate_interval", "1m", StringComparison.Ordinal)
            .Replace("$instance", "localhost:8080", StringComparison.Ordinal).Replace("$job", "orleansstream", StringComparison.Ordinal)
            .Replace("$topic", ".*", StringComparison.Ordinal).Replace("$group", ".*", StringComparison.Ordinal),
        [.. metrics.Scrapes.Select(scrape => (scrape.Seconds, (IReadOnlyList<PrometheusSample>)[.. scrape.Samples, Up]))]);

    private static Dictionary<string, string> Of(string group) => new() { ["messaging_consumer_group_name"] = group };

    // Prometheus adds it to each scrape.
    private static PrometheusSample Up => new("up", new Dictionary<string, string> { ["job"] = "orleansstream", ["instance"] = "localhost:8080" }, 1);

    [GeneratedRegex(@"^\s+expr: (.+)$", RegexOptions.Multiline)]
    private static partial Regex Expression();

    [GeneratedRegex("\\bup\\b|\\borleansstream_[a-z_]+")]
    private static partial Regex Metric();
}
