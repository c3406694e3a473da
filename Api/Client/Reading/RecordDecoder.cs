using Microsoft.Extensions.Logging;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Records;
using OrleansStream.Client.Serialization;
using OrleansStream.Client.Telemetry;
using OrleansStream.Records;

namespace OrleansStream.Client.Reading;

/// <summary>Makes records of a partition from their stored form. For one thread at a time.</summary>
/// <typeparam name="T">The type of the records' values.</typeparam>
/// <param name="partition">The partition.</param>
/// <param name="serializer">Reads values.</param>
/// <param name="log">Is told of a value that cannot be read.</param>
internal sealed class RecordDecoder<T>(TopicPartition partition, ISerializer<T> serializer, ILogger log)
{
    private readonly KeyMemory _keys = new();

    /// <summary>Makes a record, which keeps nothing of the memory that it is read from.</summary>
    /// <param name="record">Its stored form.</param>
    /// <exception cref="Exception">What the serializer throws.</exception>
    public ConsumedRecord<T> Decode(in RecordView record) => new(
        new RecordPlace(partition.Topic, partition.Partition, record.Offset), record.TimestampMs,
        record.HasKey ? _keys.Keep(record.Key) : (ReadOnlyMemory<byte>?)null,
        record.HasValue ? ValueOf(record) : default, !record.HasValue,
        record.HeaderCount == 0 ? null : RecordHeaders.Of(record));

    private T ValueOf(in RecordView record)
    {
        try
        {
            return serializer.Deserialize(record.Value);
        }
        catch (Exception exception)
        {
            // The program gets the serializer's own exception, which does not know the record.
            ClientLog.ValueCannotBeRead(log, partition.Topic, partition.Partition, record.Offset, exception.GetType().Name);
            throw;
        }
    }
}
