using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using OpenTelemetry.Trace;
using OrleansStream.Telemetry.Traces;

namespace OrleansStream.Tests.Telemetry;

/// <summary>Which traces are recorded, by the standard variables.</summary>
public sealed class TraceSamplingTests
{
    private static readonly ActivityContext Recorded = Caller(ActivityTraceFlags.Recorded);
    private static readonly ActivityContext NotRecorded = Caller(ActivityTraceFlags.None);

    [Theory]
    [InlineData("always_on", 1, true, true)]
    [InlineData("Always_Off", 0, false, false)]
    [InlineData("parentbased_always_on", 1, true, false)]
    [InlineData("parentbased_always_off", 0, true, false)]
    [InlineData("traceidratio 0", 0, false, false)]
    [InlineData("traceidratio", 1, true, true)]
    [InlineData("parentbased_traceidratio 0.25", 0.25, true, false)]
    [InlineData("parentbased_traceidratio", 1, true, false)]
    [InlineData("", 0.01, true, false)]
    public void Choice_BySampler_IsAsTheSpecificationSays(string variables, double part, bool ofRecorded, bool ofNotRecorded)
    {
        var choice = TraceSampling.ChoiceOf(Read(variables));

        Assert.Equal(ofRecorded, choice(Recorded, Recorded.TraceId, "GET"));
        Assert.Equal(ofNotRecorded, choice(NotRecorded, NotRecorded.TraceId, "GET"));
        const int requests = 20_000;
        var recorded = Enumerable.Range(0, requests).Count(_ => choice(default, ActivityTraceId.CreateRandom(), "GET"));
        // Six standard deviations.
        Assert.Equal(part * requests, recorded, 6 * Math.Sqrt(requests * part * (1 - part)) + 0.5);
    }

    [Theory]
    [InlineData("jaeger_remote", "OTEL_TRACES_SAMPLER is 'jaeger_remote'; it must be always_on, always_off or traceidratio, or one of these behind parentbased_.")]
    [InlineData("traceidratio 1.5", "OTEL_TRACES_SAMPLER_ARG is '1.5'; it must be a number from 0 to 1, such as 0.01.")]
    [InlineData("traceidratio -1", "OTEL_TRACES_SAMPLER_ARG is '-1'; it must be a number from 0 to 1, such as 0.01.")]
    [InlineData("parentbased_traceidratio NaN", "OTEL_TRACES_SAMPLER_ARG is 'NaN'; it must be a number from 0 to 1, such as 0.01.")]
    [InlineData("parentbased_traceidratio a", "OTEL_TRACES_SAMPLER_ARG is 'a'; it must be a number from 0 to 1, such as 0.01.")]
    public void Read_OfAWrongVariable_NamesItAndWhatIsAllowed(string variables, string message) =>
        Assert.Equal(message, Assert.Single(Assert.Throws<OptionsValidationException>(() => Read(variables)).Failures));

    [Fact]
    public void Sampler_OfTheCollector_RecordsWhatBelongsToARecordedRequest()
    {
        Assert.Equal(SamplingDecision.Drop, Decide(default));
        Assert.Equal(SamplingDecision.Drop, Decide(NotRecorded));
        Assert.Equal(SamplingDecision.RecordAndSample, Decide(Recorded));
    }

    private static SamplingDecision Decide(ActivityContext parent) => TraceSampling.BelowRequests.ShouldSample(new SamplingParameters(
        parent, ActivityTraceId.CreateRandom(), "IPartitionGrain/Append", ActivityKind.Server)).Decision;

    private static ActivityContext Caller(ActivityTraceFlags flags) =>
        new(ActivityTraceId.CreateFromString("0af7651916cd43dd8448eb211c80319c"), ActivitySpanId.CreateRandom(), flags, isRemote: true);

    private static Sampler Read(string variables)
    {
        var parts = variables.Split(' ');
        return TraceSampling.Read(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["OTEL_TRACES_SAMPLER"] = parts[0],
            ["OTEL_TRACES_SAMPLER_ARG"] = parts.Length > 1 ? parts[1] : null,
        }).Build());
    }
}
