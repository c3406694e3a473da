using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of InitProducerId, versions 0 to 4: a producer's id.</summary>
/// <param name="TransactionalId">The transactional id; null for a producer that is idempotent only.</param>
/// <remarks>Version 2 is the first flexible one; 3 names the id and the epoch that a transactional producer has.</remarks>
internal readonly record struct InitProducerIdRequest(string? TransactionalId)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.InitProducerId, Min: 0, Max: 4, FirstFlexible: 2);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static InitProducerIdRequest Read(WireReader reader, short version)
    {
        var transactionalId = reader.ReadNullableString();
        reader.ReadInt32(); // transaction_timeout_ms
        if (version >= 3)
        {
            reader.ReadInt64(); // producer_id
            reader.ReadInt16(); // producer_epoch
        }

        reader.SkipTags();
        return new InitProducerIdRequest(transactionalId);
    }
}

/// <summary>The answer to InitProducerId.</summary>
/// <param name="Error">Why there is no id.</param>
/// <param name="ProducerId">The id, or -1.</param>
/// <param name="ProducerEpoch">Its epoch, or -1.</param>
internal readonly record struct InitProducerIdAnswer(KafkaError Error, long ProducerId, short ProducerEpoch)
{
    /// <summary>There is no id.</summary>
    /// <param name="error">Why it failed or was refused.</param>
    public static InitProducerIdAnswer Failed(KafkaError error) => new(error, -1, -1);

    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteThrottleTime();
        answer.WriteErrorCode((short)Error);
        answer.WriteInt64(ProducerId);
        answer.WriteInt16(ProducerEpoch);
        answer.WriteNoTags();
    }
}
