using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace OrleansStream.Client.Serialization;

/// <summary>
/// The serializers of a client. Text is sent as UTF-8, bytes as they are, and every other type as JSON, unless one is set for the type.
/// </summary>
public sealed class ValueSerializers
{
    private readonly ConcurrentDictionary<Type, object> _byType = new();
    private int _changes;

    /// <summary>Starts with those for text and bytes.</summary>
    public ValueSerializers()
    {
        Set(new TextSerializer());
        Set(new BytesSerializer());
        Set(new MemorySerializer());
    }

    /// <summary>
    /// How types without a serializer of their own are written as JSON. A program that is trimmed, or compiled ahead of time, names its
    /// source-generated context here: <c>new JsonSerializerOptions(JsonSerializerDefaults.Web) { TypeInfoResolver = MyContext.Default }</c>.
    /// Otherwise types are found by reflection, and names are in camel case.
    /// </summary>
    public JsonSerializerOptions Json { get; set; } = Usual();

    /// <summary>Sets the serializer of a type, in place of another.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="serializer">Its serializer.</param>
    public void Set<T>(ISerializer<T> serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        _byType[typeof(T)] = serializer;
        Interlocked.Increment(ref _changes);
    }

    /// <summary>How often a serializer was set: while it stays the same, so does what <see cref="Get"/> has returned.</summary>
    internal int Changes => Volatile.Read(ref _changes);

    /// <summary>The serializer of a type.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <exception cref="InvalidOperationException"><see cref="Json"/> does not know the type.</exception>
    public ISerializer<T> Get<T>()
    {
        if (_byType.TryGetValue(typeof(T), out var known))
            return (ISerializer<T>)known;
        try
        {
            var made = new JsonValueSerializer<T>((JsonTypeInfo<T>)Json.GetTypeInfo(typeof(T)));
            return (ISerializer<T>)_byType.GetOrAdd(typeof(T), made);
        }
        catch (NotSupportedException exception)
        {
            throw new InvalidOperationException(
                $"No serializer is known for {typeof(T)}. Set one, or name a JsonSerializerContext that has the type: client options, Serializers.Json.", exception);
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Only where reflection is on, which a trimmed program switches off.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Only where reflection is on, which a program that is compiled ahead switches off.")]
    private static JsonSerializerOptions Usual()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        options.TypeInfoResolver = JsonSerializer.IsReflectionEnabledByDefault ? new DefaultJsonTypeInfoResolver() : JsonTypeInfoResolver.Combine();
        return options;
    }
}
