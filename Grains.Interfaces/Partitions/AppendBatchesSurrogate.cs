using OrleansStream.Records;

namespace OrleansStream.Partitions;

/// <summary>Batches as they are sent to another process, where they lie in one memory.</summary>
/// <param name="Bytes">The batches, back to back.</param>
[GenerateSerializer, Immutable, Alias("os.AppendBatches")]
public readonly record struct AppendBatchesSurrogate([property: Id(0)] ReadOnlyMemory<byte> Bytes);

/// <summary>Converts batches to the form that is sent, and back.</summary>
[RegisterConverter]
public sealed class AppendBatchesConverter : IConverter<AppendBatches, AppendBatchesSurrogate>
{
    /// <inheritdoc/>
    public AppendBatches ConvertFromSurrogate(in AppendBatchesSurrogate surrogate) => surrogate.Bytes;

    /// <inheritdoc/>
    public AppendBatchesSurrogate ConvertToSurrogate(in AppendBatches value) => new(value.ToMemory());
}
