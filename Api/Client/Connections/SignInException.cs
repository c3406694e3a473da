namespace OrleansStream.Client.Connections;

/// <summary>There is no token to sign in with. Nothing was sent.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="innerException">What the credential threw.</param>
internal sealed class SignInException(string message, Exception innerException) : HttpRequestException(message, innerException)
{
    /// <summary>True when the same request may succeed later; false when the credential is taken to be wrong.</summary>
    public required bool IsTransient { get; init; }
}
