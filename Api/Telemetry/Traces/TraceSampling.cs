using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Options;
using OpenTelemetry.Trace;
using OrleansStream.Instrumentation;

namespace OrleansStream.Telemetry.Traces;

/// <summary>
/// Which traces are recorded, by <c>OTEL_TRACES_SAMPLER</c>. The choice is made once, at the door. The collector's sampler keeps every span below a
/// recorded request, and begins no trace: a grain's call outside of a request has no span.
/// </summary>
/// <remarks>Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/, general SDK configuration.</remarks>
internal static class TraceSampling
{
    private const string Name = "OTEL_TRACES_SAMPLER";
    private const string Argument = "OTEL_TRACES_SAMPLER_ARG";

    /// <summary>Reads the variables.</summary>
    /// <param name="configuration">The process's configuration, which has its environment.</param>
    /// <returns>What they say; without them, a part of the traces is recorded, and all that a caller records.</returns>
    /// <exception cref="OptionsValidationException">A variable has a value that is not understood.</exception>
    public static TraceChoice Read(IConfiguration configuration) => configuration[Name]?.Trim().ToLowerInvariant() switch
    {
        null or "" => new TraceChoice(TelemetryLimits.SampledPart, followsCaller: true),
        "always_on" => new TraceChoice(1, followsCaller: false),
        "always_off" => new TraceChoice(0, followsCaller: false),
        "traceidratio" => new TraceChoice(ReadPart(configuration), followsCaller: false),
        "parentbased_always_on" => new TraceChoice(1, followsCaller: true),
        "parentbased_always_off" => new TraceChoice(0, followsCaller: true),
        "parentbased_traceidratio" => new TraceChoice(ReadPart(configuration), followsCaller: true),
        var other => throw Invalid(
            $"{Name} is '{other}'; it must be always_on, always_off or traceidratio, or one of these behind parentbased_."),
    };

    /// <summary>The sampler for the collector: records what belongs to a recorded request, and begins no trace.</summary>
    public static Sampler BelowRequests { get; } = new BelowRequestsSampler();

    private static double ReadPart(IConfiguration configuration)
    {
        if (configuration[Argument]?.Trim() is not { Length: > 0 } text)
            return 1;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var part) && part is >= 0 and <= 1
            ? part
            : throw Invalid($"{Argument} is '{text}'; it must be a number from 0 to 1, such as 0.01.");
    }

    private static OptionsValidationException Invalid(string message) => new("OTEL", typeof(TraceSampling), [message]);

    private sealed class BelowRequestsSampler : Sampler
    {
        public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
            new((samplingParameters.ParentContext.TraceFlags & ActivityTraceFlags.Recorded) != 0);
    }
}
