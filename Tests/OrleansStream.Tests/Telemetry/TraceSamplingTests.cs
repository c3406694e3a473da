using System.Buffers.Binary;
using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using OpenTelemetry.Trace;
using OrleansStream.Instrumentation;
using OrleansStream.Randomness;
using OrleansStream.Telemetry.Traces;
using OrleansStream.Tests.Support;

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
        var choice = Read(variables);

        Assert.Equal(ofRecorded, choice.IsRecorded(Recorded));
        Assert.Equal(ofNotRecorded, choice.IsRecorded(NotRecorded));
        const int requests = 20_000;
        var recorded = Enumerable.Range(0, requests).Count(_ => choice.TryBegin(out var _));
        // Six standard deviations.
        Assert.Equal(part * requests, recorded, 6 * Math.Sqrt(requests * part * (1 - part)) + 0.5);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.01)]
    [InlineData(0.3)]
    [InlineData(0.999)]
    [InlineData(1)]
    public void Choice_ByTheId_IsThatOfOpenTelemetrysSampler(double part)
    {
        var choice = new TraceChoice(part, followsCaller: false);
        var sampler = new TraceIdRatioBasedSampler(part);
        var bound = (long)(part * long.MaxValue);
        // The largest number is left out: the sampler does not record it with a part of 1 either.
        long[] edges = [bound - 1, bound - 2, long.MinValue | (bound - 1), part < 1 ? bound : 0, part < 1 ? bound + 1 : 0, 0, 1, long.MinValue];
        var random = new Random(TestSeed.Value);
        foreach (var number in edges.Concat(Enumerable.Range(0, 2_000).Select(_ => random.NextInt64(long.MinValue, long.MaxValue))))
        {
            var id = new byte[16];
            BinaryPrimitives.WriteInt64BigEndian(id, number);
            id[15] = 1;
            var trace = ActivityTraceId.CreateFromBytes(id);
            Assert.Equal(IsSampled(sampler, trace), choice.IsRecorded(new ActivityContext(trace, ActivitySpanId.CreateRandom(), default)));
        }

        for (var i = 0; i < 2_000; i++)
            Assert.True(!choice.TryBegin(out var trace) || IsSampled(sampler, trace));
    }

    [Fact]
    public void TraceIds_ThatBeginHere_Differ()
    {
        var choice = new TraceChoice(0.001, followsCaller: true);
        HashSet<ActivityTraceId> ids = [];
        for (var i = 0; i < 100_000; i++)
            Assert.True(!choice.TryBegin(out var trace) || ids.Add(trace));
    }

    [Fact]
    public void TraceIds_OfOneSeed_AreTheSame()
    {
        var (first, second) = (IdsOf(new SeededRandomSource(7)), IdsOf(new SeededRandomSource(7)));

        Assert.NotEmpty(first);
        Assert.Equal(first, second);

        static List<ActivityTraceId> IdsOf(RandomSource random)
        {
            var choice = new TraceChoice(0.5, followsCaller: true, random);
            return [.. Enumerable.Range(0, 100).Select(_ => choice.TryBegin(out var trace) ? trace : default).Where(trace => trace != default)];
        }
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

    private static bool IsSampled(Sampler sampler, ActivityTraceId trace) =>
        sampler.ShouldSample(new SamplingParameters(default, trace, "GET", ActivityKind.Server)).Decision == SamplingDecision.RecordAndSample;

    private static SamplingDecision Decide(ActivityContext parent) => TraceSampling.BelowRequests.ShouldSample(new SamplingParameters(
        parent, ActivityTraceId.CreateRandom(), "IPartitionGrain/Append", ActivityKind.Server)).Decision;

    private static ActivityContext Caller(ActivityTraceFlags flags) =>
        new(ActivityTraceId.CreateFromString("0af7651916cd43dd8448eb211c80319c"), ActivitySpanId.CreateRandom(), flags, isRemote: true);

    private static TraceChoice Read(string variables)
    {
        var parts = variables.Split(' ');
        return TraceSampling.Read(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["OTEL_TRACES_SAMPLER"] = parts[0],
            ["OTEL_TRACES_SAMPLER_ARG"] = parts.Length > 1 ? parts[1] : null,
        }).Build());
    }
}
