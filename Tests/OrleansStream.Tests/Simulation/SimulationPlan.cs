using OrleansStream.Log.Contract;
using OrleansStream.Storage;

namespace OrleansStream.Tests.Simulation;

/// <summary>What kind of store a round has.</summary>
internal enum StoreKind
{
    /// <summary>As Azure's append blobs: many processes, appends whole or not at all, everything over a network.</summary>
    Blobs,

    /// <summary>As a local folder: one process at a time, nothing lost on the way, torn tails after a crash.</summary>
    Files,
}

/// <summary>The choices of one round that its seed makes before it begins. Small bounds make rare things common.</summary>
internal sealed record SimulationPlan
{
    public required StoreKind Store { get; init; }

    public required SegmentStoreLimits Limits { get; init; }

    public required LogOptions Options { get; init; }

    public required FaultRates Rates { get; init; }

    public required int Steps { get; init; }

    public required int IdempotentProducers { get; init; }

    /// <summary>How often a step is one that ends, stops or replaces an owner, in permille.</summary>
    public required int Disturbance { get; init; }

    /// <summary>How often an owner is killed at one of its calls to the store, in permille of the owners.</summary>
    public required int Crashes { get; init; }

    public bool DeletesByRetention => Options.RetentionAge is not null || Options.RetentionBytes is not null;

    public static SimulationPlan Draw(SimulatedRandom random, StoreKind? wanted)
    {
        var drawn = random.Chance(650) ? StoreKind.Blobs : StoreKind.Files;
        var store = wanted ?? drawn;
        FaultRates[] rates = store == StoreKind.Blobs
            ? [FaultRates.None, FaultRates.Calm, FaultRates.Rough, FaultRates.Rough, FaultRates.Stormy]
            : [FaultRates.None, FaultRates.None, FaultRates.Medium, FaultRates.BadMedium];
        var deletes = random.Chance(250);
        return new SimulationPlan
        {
            Store = store,
            Limits = new SegmentStoreLimits(
                random.Between(300, 2_000), random.Chance(400) ? random.Between(3, 12) : 50_000, 1),
            Options = new LogOptions
            {
                SegmentBytes = random.Chance(500) ? random.Between(300, 2_500) : 1_000_000,
                SegmentAge = random.Chance(200) ? random.Span(500, 20_000) : TimeSpan.FromDays(1),
                FlushInterval = random.Chance(150) ? random.Span(1, 50) : TimeSpan.Zero,
                RetentionBytes = deletes && random.Chance(600) ? random.Between(200, 4_000) : null,
                RetentionAge = deletes && random.Chance(600) ? random.Span(5_000, 120_000) : null,
            },
            Rates = random.Pick(rates),
            Steps = random.Between(30, 110),
            IdempotentProducers = random.Between(1, 3),
            Disturbance = random.Pick([40, 100, 200]),
            Crashes = random.Pick([0, 200, 500]),
        };
    }
}
