using OrleansStream.Errors;
using OrleansStream.HttpErrors;

namespace OrleansStream.Rest.Errors;

/// <summary>A request that ends with an error; the outermost middleware turns it into a problem document.</summary>
internal sealed class RequestException : Exception
{
    private const int ShownLengthMax = 40;

    /// <summary>Ends the request with an error of the service.</summary>
    public RequestException(StreamError error) : base(error.Detail) => Error = error;

    /// <summary>Ends the request with a refusal of HTTP's own.</summary>
    /// <param name="fault">Which one: it decides the status.</param>
    /// <param name="detail">What is wrong and what is allowed.</param>
    public RequestException(HttpFault fault, string detail) : base(detail)
    {
        Error = new StreamError(StreamErrorCode.InvalidRequest, detail);
        Fault = fault;
    }

    /// <summary>What is wrong.</summary>
    public StreamError Error { get; }

    /// <summary>Set when HTTP itself refuses; it takes the place of the code's own status.</summary>
    public HttpFault? Fault { get; }

    /// <summary>The error of a request that is malformed in one field.</summary>
    /// <param name="field">The field, in the request's own spelling; null when no one field is at fault.</param>
    /// <param name="detail">What is wrong and what is allowed.</param>
    public static RequestException Malformed(string? field, string detail) =>
        new(new StreamError(StreamErrorCode.InvalidRequest, detail) { Field = field });

    /// <summary>A text of a request, cut short for a message.</summary>
    public static string Shown(string text) => text.Length <= ShownLengthMax ? text : text[..ShownLengthMax] + "…";
}
