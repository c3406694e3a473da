using Microsoft.Extensions.Options;
using OrleansStream.Instrumentation;
using OrleansStream.Topics;

namespace OrleansStream.Telemetry.Export;

/// <summary>What is measured: section <c>OrleansStream:Telemetry</c>. Where it is sent to, OpenTelemetry's own variables say.</summary>
public sealed class TelemetryOptions
{
    /// <summary>The configuration section's name.</summary>
    public const string SectionName = "OrleansStream:Telemetry";

    /// <summary>
    /// The topics of which each partition has series of its own: names, or beginnings of names with <c>*</c> behind them. Default none: a topic then
    /// has one series of each metric.
    /// </summary>
    public string[] PartitionTopics { get; set; } = [];

    /// <summary>Meters to collect besides the service's own, such as <c>Microsoft.Orleans</c>. Default none.</summary>
    public string[] Meters { get; set; } = [];
}

/// <summary>Checks the settings at start.</summary>
public sealed class TelemetryOptionsValidator : IValidateOptions<TelemetryOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, TelemetryOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        string[] failures =
        [
            .. options.PartitionTopics.Where(pattern => !IsPattern(pattern)).Select(pattern =>
                $"{TelemetryOptions.SectionName}:PartitionTopics has '{pattern}'; it must be a topic's name, or the beginning of names and a '*' behind it."),
            .. options.Meters.Where(string.IsNullOrWhiteSpace).Select(_ =>
                $"{TelemetryOptions.SectionName}:Meters has an empty name; it must be the name of a meter, such as Microsoft.Orleans."),
        ];
        return failures.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static bool IsPattern(string pattern)
    {
        var name = pattern.EndsWith(MeasuredTopics.Wildcard) ? pattern[..^1] : pattern;
        return name.Length == 0 ? pattern.Length > 0 : TopicName.Validate(name) is null;
    }
}
