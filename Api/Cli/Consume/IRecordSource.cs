using OrleansStream.Client.Consuming;

namespace OrleansStream.Cli.Consume;

/// <summary>Where records come from.</summary>
internal interface IRecordSource
{
    /// <summary>How many records will come; null when nobody knows.</summary>
    long? Total { get; }

    /// <summary>Why no record came, once none did.</summary>
    string? WhyNothing { get; }

    /// <summary>Finds out what there is.</summary>
    /// <exception cref="OrleansStream.Client.Connections.StreamServiceException">The service refuses, or nobody answers.</exception>
    Task PlanAsync();

    /// <summary>Has every record taken.</summary>
    /// <param name="take">Takes one; false when it was the last that is wanted.</param>
    /// <param name="idle">Called when no further record is there at the moment.</param>
    Task RunAsync(Func<ConsumedRecord<byte[]>, bool> take, Action idle);
}
