using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using OrleansStream.Telemetry.Export;

namespace OrleansStream.Tests.Telemetry;

/// <summary>What the standard variables switch on, and what is said of a wrong one.</summary>
public sealed class ExportSettingsTests
{
    [Theory]
    [InlineData("", false, false, false)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317", true, true, true)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 OTEL_LOGS_EXPORTER=none", true, true, false)]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://localhost:4318/v1/traces", true, false, false)]
    [InlineData("OTEL_METRICS_EXPORTER=otlp", false, true, false)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 OTEL_SDK_DISABLED=true", false, false, false)]
    [InlineData("APPLICATIONINSIGHTS_CONNECTION_STRING=InstrumentationKey=0", true, true, true)]
    [InlineData("APPLICATIONINSIGHTS_CONNECTION_STRING=InstrumentationKey=0 OTEL_SDK_DISABLED=True", false, false, false)]
    public void Read_OfVariables_SaysWhatIsCollected(string variables, bool traces, bool metrics, bool logs)
    {
        var settings = Read(variables);

        Assert.Equal((traces, metrics, logs), (settings.HasTraces, settings.HasMetrics, settings.HasLogs));
        Assert.Equal(traces || metrics || logs, settings.HasAny);
    }

    [Theory]
    [InlineData("OTEL_TRACES_EXPORTER=console", "OTEL_TRACES_EXPORTER is 'console'; it must be otlp or none.")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4317", "OTEL_EXPORTER_OTLP_ENDPOINT is no address; it must be http://… or https://….")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://a OTEL_EXPORTER_OTLP_PROTOCOL=http/json", "OTEL_EXPORTER_OTLP_PROTOCOL is 'http/json'; it must be grpc or http/protobuf.")]
    public void Read_OfAWrongVariable_NamesItAndWhatIsAllowed(string variables, string message) =>
        Assert.StartsWith(message, Assert.Single(Assert.Throws<OptionsValidationException>(() => Read(variables)).Failures),
            StringComparison.Ordinal);

    [Fact]
    public void ToString_OfSettings_ShowsNoHeader() => Assert.DoesNotContain(
        "geheim", Read("OTEL_METRICS_EXPORTER=otlp OTEL_EXPORTER_OTLP_METRICS_HEADERS=api-key=geheim").ToString(), StringComparison.Ordinal);

    [Theory]
    [InlineData("orders", true)]
    [InlineData("orders.*", true)]
    [InlineData("*", true)]
    [InlineData("", false)]
    [InlineData("a b", false)]
    public void Validate_OfATopicPattern_TakesNamesAndBeginnings(string pattern, bool isValid) =>
        Assert.Equal(isValid, new TelemetryOptionsValidator().Validate(name: null, new TelemetryOptions { PartitionTopics = [pattern] }).Succeeded);

    private static ExportSettings Read(string variables) => ExportSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(
        variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split('=', 2)).ToDictionary(
            one => one[0], one => (string?)one[1])).Build());
}
