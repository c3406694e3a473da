using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Calls;

/// <summary>The one table of the APIs that are served: requests are handled by it, and clients are told of it.</summary>
internal sealed class ApiTable
{
    private readonly Dictionary<ApiKey, IRequestHandler> _handlers;

    /// <summary>Makes the table.</summary>
    /// <param name="handlers">One for each API.</param>
    /// <exception cref="ArgumentException">Two are of one API.</exception>
    public ApiTable(IEnumerable<IRequestHandler> handlers)
    {
        _handlers = handlers.ToDictionary(handler => handler.Api.Key);
        Apis = [.. _handlers.Values.Select(handler => handler.Api).OrderBy(api => api.Key)];
    }

    /// <summary>The APIs and their versions, by their numbers.</summary>
    public IReadOnlyList<ApiRange> Apis { get; }

    /// <summary>Who answers an API.</summary>
    /// <param name="key">The API.</param>
    /// <returns>Null when it is not served.</returns>
    public IRequestHandler? Find(ApiKey key) => _handlers.GetValueOrDefault(key);
}
