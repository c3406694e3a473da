using Orleans.Concurrency;
using OrleansStream.Errors;

namespace OrleansStream.Producers;

/// <summary>Keeps the epochs of clients' producers. Key: <see cref="KeyOf"/>.</summary>
/// <remarks>An epoch is answered once it is durable, by compare-and-swap. So no two callers are given the same epoch.</remarks>
[Alias("os.IProducerRegisterGrain")]
public interface IProducerRegisterGrain : IGrainWithIntegerKey
{
    /// <summary>The key of the grain that keeps a given producer.</summary>
    /// <param name="producerId">The producer's id.</param>
    static long KeyOf(long producerId) => producerId % ProducerLimits.RegistersCount;

    /// <summary>Adds a new producer, with epoch 0.</summary>
    /// <param name="producerId">An id that no other producer has.</param>
    /// <returns>Null when done; else the limit that is reached.</returns>
    /// <exception cref="StreamException">The producer could not be stored; try again.</exception>
    [Alias("AddAsync"), AlwaysInterleave]
    Task<StreamError?> AddAsync(long producerId);

    /// <summary>Gives a producer its next epoch. In each partition the first batch of the new epoch fences the old one (KIP-360).</summary>
    /// <param name="producerId">The producer's id.</param>
    /// <param name="producerEpoch">The epoch that the caller has.</param>
    /// <param name="key">
    /// The hash of a key that the caller chose; null for none. By the key a repeat of the call is recognized and gets the same answer, unless the
    /// epoch was raised again since. Without a key a repeat looks like another process with the same epoch.
    /// </param>
    /// <returns>
    /// The new epoch; or <see cref="StreamErrorCode.InvalidProducerEpoch"/> when the producer has another epoch now or no next epoch exists,
    /// <see cref="StreamErrorCode.IdempotencyKeyReused"/> when the key was used for the epoch before, or
    /// <see cref="StreamErrorCode.UnknownProducerId"/>.
    /// </returns>
    /// <exception cref="StreamException">The epoch could not be stored, but may be stored nevertheless.</exception>
    [Alias("RaiseEpochAsync"), AlwaysInterleave]
    Task<ProducerEpochResponse> RaiseEpochAsync(long producerId, short producerEpoch, string? key);
}

/// <summary>The answer to the raise of an epoch.</summary>
/// <param name="Error">Why there is no new epoch.</param>
/// <param name="ProducerEpoch">The new epoch, or -1.</param>
[GenerateSerializer, Immutable, Alias("os.ProducerEpochResponse")]
public readonly record struct ProducerEpochResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] short ProducerEpoch);
