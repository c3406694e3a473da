using OrleansStream.Client.Consuming;

namespace OrleansStream.Cli.Consume;

/// <summary>Records that come from a topic, or from the share of a group's member.</summary>
internal interface IRecordSource
{
    /// <summary>How many records will come; null when nobody knows.</summary>
    long? Total { get; }

    /// <summary>Why no record came, once none did.</summary>
    string? WhyNothing { get; }

    /// <summary>Finds out what there is.</summary>
    /// <exception cref="OrleansStream.Client.Connections.StreamServiceException">The service refuses, or nobody answers.</exception>
    Task PlanAsync();

    /// <summary>Reads until no record is wanted or left, and has each one taken, in the order of its partition.</summary>
    /// <param name="take">Takes one; false when it was the last that is wanted.</param>
    /// <param name="idle">Called when no further record is there at the moment.</param>
    Task RunAsync(Func<ConsumedRecord<byte[]>, bool> take, Action idle);
}
