using System.Globalization;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Http;

/// <summary>Reads parameters of the path, the query and the headers strictly. Each refusal names the parameter and its bounds.</summary>
internal static class Parameters
{
    /// <summary>The <c>{topic}</c> of the path. OperationGate has checked that it can be a topic's name.</summary>
    public static string Topic(HttpContext context) => (string)context.Request.RouteValues["topic"]!;

    /// <summary>The <c>{partition}</c> of the path, at least 0.</summary>
    /// <exception cref="RequestException">It is not a partition's number.</exception>
    public static int Partition(HttpContext context) =>
        (int)Integer("partition", (string)context.Request.RouteValues["partition"]!, 0, int.MaxValue);

    /// <summary>The id that the topic must have, from <c>topic_id</c>; null for any.</summary>
    /// <exception cref="RequestException">It is not an id.</exception>
    public static Guid? TopicId(HttpContext context)
    {
        if (Text(context, "topic_id") is not { } text)
            return null;
        return Guid.TryParseExact(text, "D", out var id)
            ? id
            : throw RequestException.Malformed("topic_id",
                $"'topic_id' is '{RequestException.Shown(text)}'; expected a topic's id, such as 6f9619ff-8b86-d011-b42d-00c04fc964ff.");
    }

    /// <summary>A query parameter's text.</summary>
    /// <returns>As it was sent, percent-decoded, possibly empty; null when the parameter is absent.</returns>
    public static string? Text(HttpContext context, string name) =>
        context.Request.Query.TryGetValue(name, out var values) ? values[0] ?? "" : null;

    /// <summary>An integer in the query, in decimal.</summary>
    /// <param name="context">The request, of whose query it is.</param>
    /// <param name="name">The parameter's name, as refusals write it.</param>
    /// <param name="min">The least value that is taken.</param>
    /// <param name="max">The greatest value that is taken.</param>
    /// <param name="usual">The value when it is left out.</param>
    /// <exception cref="RequestException">The value is not an integer within the bounds.</exception>
    public static int Integer(HttpContext context, string name, int min, int max, int usual) =>
        Text(context, name) is { } text ? (int)Integer(name, text, min, max) : usual;

    /// <summary>Reads an integer in decimal, with bounds that are themselves allowed.</summary>
    /// <exception cref="RequestException">The text is not an integer within the bounds.</exception>
    public static long Integer(string name, string text, long min, long max)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max)
            return value;
        var upTo = max >= int.MaxValue ? $"from {min} up" : $"from {min} to {max}";
        throw RequestException.Malformed(name, $"'{name}' is '{RequestException.Shown(text)}'; expected an integer {upTo}.");
    }

    /// <summary>The form in which payloads are to appear.</summary>
    /// <exception cref="RequestException">It is not such a form.</exception>
    public static PayloadType PayloadType(HttpContext context, string name) => Text(context, name) switch
    {
        null or "auto" => Json.PayloadType.Auto,
        "string" => Json.PayloadType.String,
        "json" => Json.PayloadType.Json,
        "binary" => Json.PayloadType.Binary,
        { } other => throw RequestException.Malformed(name, $"'{name}' is '{RequestException.Shown(other)}'; expected auto, json, string or binary."),
    };

    /// <summary>A time by RFC 3339, or in milliseconds since the Unix epoch.</summary>
    /// <returns>Milliseconds since the Unix epoch.</returns>
    /// <exception cref="RequestException">The text is not a timestamp.</exception>
    public static long Timestamp(string name, string text) =>
        JsonFields.TryTimestamp(text, out var timestampMs)
            ? timestampMs
            : throw RequestException.Malformed(name, $"'{name}' is '{RequestException.Shown(text)}'; expected {JsonFields.TimestampForms}.");
}
