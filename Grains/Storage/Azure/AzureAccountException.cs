using System.Globalization;
using Azure;
using Azure.Identity;

namespace OrleansStream.Storage.Azure;

/// <summary>The reasons why an account does not serve this process.</summary>
public enum AzureAccountProblem
{
    /// <summary>Nothing answers at its address, or the account only answers that it cannot serve now.</summary>
    Unreachable,

    /// <summary>This process has no identity to show to the account.</summary>
    NoIdentity,

    /// <summary>The clocks of this machine and of the account differ by more than the account allows.</summary>
    ClockSkew,

    /// <summary>The account does not accept the key or the token.</summary>
    CredentialRefused,

    /// <summary>The account accepts no keys at all.</summary>
    KeysNotTaken,

    /// <summary>The account's firewall does not let this machine in.</summary>
    ShutOut,

    /// <summary>The identity has no right to the container.</summary>
    NoRights,

    /// <summary>The container does not exist, and the identity may not create it.</summary>
    NoContainer,

    /// <summary>The account takes no append blobs.</summary>
    NoAppendBlobs,

    /// <summary>Something else.</summary>
    Other,
}

/// <summary>An account does not serve this process, for a reason that an operator can correct.</summary>
public sealed class AzureAccountException : Exception
{
    private AzureAccountException(AzureAccountProblem problem, string message, Exception cause) : base(message, cause) =>
        Problem = problem;

    /// <summary>The reason.</summary>
    public AzureAccountProblem Problem { get; }

    /// <summary>Finds the reason behind a failure.</summary>
    /// <param name="failure">The failure of a call to the account.</param>
    /// <param name="container">The container, with the account's address.</param>
    /// <param name="wasMissing">True when the container did not exist and was to be created.</param>
    /// <param name="now">This machine's time.</param>
    public static AzureAccountException Of(StoreUnavailableException failure, Uri container, bool wasMissing, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(failure);
        var cause = failure.InnerException ?? failure;
        var theirs = (cause as RequestFailedException)?.GetRawResponse()?.Headers.Date;
        var problem = Find(cause, wasMissing, theirs is { } date && (now - date).Duration() > AzureBlobLimits.ClockSkewMax);
        var reason = problem == AzureAccountProblem.ClockSkew
            ? $"this machine's clock says {ToText(now)} and the account's {(theirs is { } time ? ToText(time) : "something else")}"
            : FirstLine(cause.Message);
        return new AzureAccountException(problem, $"{container}: {reason}", failure);
    }

    /// <summary>Finds the reason why an append blob could not be created.</summary>
    /// <param name="failure">The failure of the call.</param>
    /// <param name="container">The container, with the account's address.</param>
    /// <param name="now">This machine's time.</param>
    internal static AzureAccountException OfAppendBlob(StoreUnavailableException failure, Uri container, DateTimeOffset now) =>
        failure.InnerException is RequestFailedException { Status: 400 or 409 } refusal
            ? new AzureAccountException(AzureAccountProblem.NoAppendBlobs, $"{container}: {FirstLine(refusal.Message)}", failure)
            : Of(failure, container, wasMissing: false, now);

    private static AzureAccountProblem Find(Exception cause, bool wasMissing, bool isSkewed)
    {
        if (cause is AuthenticationFailedException)
            return AzureAccountProblem.NoIdentity;
        if (AzureBlobErrors.IsTransient(cause))
            return AzureAccountProblem.Unreachable;
        if (cause is not RequestFailedException { Status: 401 or 403 } refusal)
            return AzureAccountProblem.Other;
        if (isSkewed || refusal.ErrorCode == "RequestTimeTooSkewed")
            return AzureAccountProblem.ClockSkew;
        return refusal.ErrorCode switch
        {
            "KeyBasedAuthenticationNotPermitted" => AzureAccountProblem.KeysNotTaken,
            "AuthenticationFailed" or "InvalidAuthenticationInfo" or "NoAuthenticationInformation" => AzureAccountProblem.CredentialRefused,
            _ when wasMissing => AzureAccountProblem.NoContainer,
            "AuthorizationFailure" => AzureAccountProblem.ShutOut,
            _ => AzureAccountProblem.NoRights,
        };
    }

    // Azure's message contains the whole response. Its first line has the reason.
    private static string FirstLine(string message)
    {
        var end = message.AsSpan().IndexOfAny('\r', '\n');
        return (end < 0 ? message : message[..end]).TrimEnd('.');
    }

    private static string ToText(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
