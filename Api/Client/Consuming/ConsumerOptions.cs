using OrleansStream.Contracts;

namespace OrleansStream.Client.Consuming;

/// <summary>Where a group begins in a partition for which it has committed nothing, or whose committed offset is not in the log any more.</summary>
public enum StartOffset
{
    /// <summary>At the first record.</summary>
    Earliest,

    /// <summary>Behind the last record.</summary>
    Latest,

    /// <summary>Nowhere: the consumer ends with an error.</summary>
    Error,
}

/// <summary>What becomes of a record whose handler throws, or whose value cannot be read.</summary>
public enum FailureAction
{
    /// <summary>The consumer commits what is done, leaves the group and throws the exception.</summary>
    Stop,

    /// <summary>
    /// The record fails, as <see cref="ConsumedRecord{T}.FailAsync"/> has it fail: it is delivered again later, and at last is a dead letter.
    /// </summary>
    Fail,
}

/// <summary>The settings of a consumer.</summary>
public sealed class ConsumerOptions
{
    /// <summary>
    /// The member's id in its group. Default null: an id of its own. Two processes with the same id take the member's place from each other.
    /// </summary>
    public string? MemberId { get; set; }

    /// <summary>
    /// The most records that are fetched at a time. Default 500. They are committed together, so those of a consumer that dies are delivered again.
    /// With more at a time, a fast consumer reads more a second.
    /// </summary>
    public int MaxRecords { get; set; } = 500;

    /// <summary>The most bytes that are fetched at a time. Default 1 MiB.</summary>
    public int MaxBytes { get; set; } = 1024 * 1024;

    /// <summary>How long a poll waits for records. Default 20 s. A record that comes ends the wait at once.</summary>
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How long the member keeps its partitions when nothing is heard of its process. Default 30 s. The consumer renews the lease while handlers
    /// work, however long that takes.
    /// </summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Where a group begins that has committed nothing. Default <see cref="StartOffset.Earliest"/>.</summary>
    public StartOffset Start { get; set; } = StartOffset.Earliest;

    /// <summary>
    /// How many handlers of <see cref="StreamConsumer{T}.RunAsync"/> work at once. Default 1. Records with equal keys are handled one after the
    /// other, in their order.
    /// </summary>
    public int Concurrency { get; set; } = 1;

    /// <summary>
    /// What becomes of records that fail. It is set for the group when the consumer starts. Default null: what the group has already.
    /// </summary>
    public RetryPolicyRequest? RetryPolicy { get; set; }

    /// <summary>
    /// What becomes of a record whose handler throws, or whose value cannot be read. Default null: it fails if <see cref="RetryPolicy"/> is set, and
    /// otherwise the consumer stops.
    /// </summary>
    public FailureAction? OnFailure { get; set; }

    /// <summary>What happens on a failure, by the settings.</summary>
    internal FailureAction FailureAction => OnFailure ?? (RetryPolicy is null ? FailureAction.Stop : FailureAction.Fail);

    /// <summary>Checks that each setting is within its bounds.</summary>
    /// <exception cref="ArgumentException">One is not; the message names it.</exception>
    internal void Validate()
    {
        Check(MaxRecords is >= 1 and <= ConsumerLimits.RecordsMax, nameof(MaxRecords), $"from 1 to {ConsumerLimits.RecordsMax}");
        Check(MaxBytes is >= 1 and <= ConsumerLimits.BytesMax, nameof(MaxBytes), $"from 1 to {ConsumerLimits.BytesMax}");
        Check(MaxWait >= TimeSpan.Zero && MaxWait <= ConsumerLimits.WaitMax, nameof(MaxWait), $"from 0 to {ConsumerLimits.WaitMax}");
        Check(
            Lease >= ConsumerLimits.LeaseMin && Lease <= ConsumerLimits.LeaseMax, nameof(Lease),
            $"from {ConsumerLimits.LeaseMin} to {ConsumerLimits.LeaseMax}");
        Check(Enum.IsDefined(Start), nameof(Start), "Earliest, Latest or Error");
        Check(Concurrency is >= 1 and <= ConsumerLimits.ConcurrencyMax, nameof(Concurrency), $"from 1 to {ConsumerLimits.ConcurrencyMax}");
    }

    private static void Check(bool isRight, string name, string allowed)
    {
        if (!isRight)
            throw new ArgumentException($"{name} of the consumer's options must be {allowed}.", name);
    }
}
