using System.Text.Json;
using Orleans.Storage;
using OrleansStream.Storage;

namespace OrleansStream.Persistence;

/// <summary>Writes and reads grain states for Orleans' own storages, in the form of <see cref="StateDocument"/>.</summary>
/// <remarks>
/// Orleans' default serializer (Newtonsoft.Json) does not read back everything that it wrote: a topic's read-only settings and a group's sets of
/// partitions are lost.
/// </remarks>
internal sealed class StateSerializer : IGrainStorageSerializer
{
    /// <inheritdoc/>
    /// <exception cref="ArgumentException">It has more than <see cref="DocumentStoreLimits.DocumentBytesMax"/> bytes.</exception>
    public BinaryData Serialize<T>(T? input)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(input, StateDocument.Json);
        return bytes.Length <= DocumentStoreLimits.DocumentBytesMax
            ? new BinaryData(bytes)
            : throw new ArgumentException(
                $"A state has at most {DocumentStoreLimits.DocumentBytesMax} bytes, not {bytes.Length}.", nameof(input));
    }

    /// <inheritdoc/>
    /// <exception cref="JsonException">The input is not such a state.</exception>
    public T? Deserialize<T>(BinaryData input) => JsonSerializer.Deserialize<T>(input, StateDocument.Json);
}
