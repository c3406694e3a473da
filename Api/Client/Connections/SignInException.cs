namespace OrleansStream.Client.Connections;

/// <summary>There is no token to sign in with. Nothing was sent, and the same request may succeed later.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="innerException">What the credential threw.</param>
internal sealed class SignInException(string message, Exception innerException) : HttpRequestException(message, innerException);
