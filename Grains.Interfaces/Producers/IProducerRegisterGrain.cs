using Orleans.Concurrency;
using OrleansStream.Errors;

namespace OrleansStream.Producers;

/// <summary>Keeps the epochs of clients' producers. Key: <see cref="KeyOf"/>.</summary>
/// <remarks>An epoch is answered once it is durable, by compare-and-swap, so no two callers are given the same one.</remarks>
[Alias("os.IProducerRegisterGrain")]
public interface IProducerRegisterGrain : IGrainWithIntegerKey
{
    /// <summary>The key of the grain that keeps a producer.</summary>
    /// <param name="producerId">The producer's id.</param>
    static long KeyOf(long producerId) => producerId % ProducerLimits.RegistersCount;

    /// <summary>Takes a new producer in, at epoch 0.</summary>
    /// <param name="producerId">An id that is its alone.</param>
    /// <returns>Null, or a limit that is reached.</returns>
    /// <exception cref="StreamException">It could not be stored; try again.</exception>
    [Alias("AddAsync"), AlwaysInterleave]
    Task<StreamError?> AddAsync(long producerId);

    /// <summary>Gives a producer its next epoch, which fences the one before in each partition from its first batch on (KIP-360).</summary>
    /// <param name="producerId">The producer's id.</param>
    /// <param name="producerEpoch">The epoch that the caller has.</param>
    /// <param name="key">
    /// The hash of a key of the caller's, by which a repeat of the call is known and given the same answer, as long as nobody has raised the
    /// epoch since; null for none. Without one nobody could tell a repeat from another process with the same epoch.
    /// </param>
    /// <returns>
    /// The new epoch; or <see cref="StreamErrorCode.InvalidProducerEpoch"/> when it has another one by now or there is no next,
    /// <see cref="StreamErrorCode.IdempotencyKeyReused"/> when the key was used for the epoch before, or
    /// <see cref="StreamErrorCode.UnknownProducerId"/>.
    /// </returns>
    /// <exception cref="StreamException">It could not be stored, and may be so all the same.</exception>
    [Alias("RaiseEpochAsync"), AlwaysInterleave]
    Task<ProducerEpochResponse> RaiseEpochAsync(long producerId, short producerEpoch, string? key);
}

/// <summary>The answer to a raise.</summary>
/// <param name="Error">Why there is no new epoch.</param>
/// <param name="ProducerEpoch">The new epoch, or -1.</param>
[GenerateSerializer, Immutable, Alias("os.ProducerEpochResponse")]
public readonly record struct ProducerEpochResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] short ProducerEpoch);
