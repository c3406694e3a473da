using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Azure;

namespace OrleansStream.Client.Connections;

/// <summary>Tells whether a credential's failure says that nobody has judged it.</summary>
/// <remarks>
/// Causes count: of the network, and answers with status 408, 429 or 500 and more. All else counts as a judgement, as does what is not known.
/// </remarks>
internal static partial class TokenTrouble
{
    private const string IdentityLibrary = "Microsoft.Identity.Client.";

    /// <summary>Whether one of the failure's causes is trouble of the network, or of who gives the tokens.</summary>
    /// <param name="failure">What the credential threw.</param>
    public static bool IsIn(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            var isTrouble = cause switch
            {
                RequestFailedException { Status: var status } => status == 0 || IsServers(status),
                HttpRequestException { StatusCode: var status } => status is null || IsServers((int)status),
                _ => cause is SocketException or IOException or TimeoutException or OperationCanceledException || IsServers(IdentityStatus(cause)),
            };
            if (isTrouble)
                return true;
        }

        return false;
    }

    private static bool IsServers(int status) =>
        status is (int)HttpStatusCode.RequestTimeout or (int)HttpStatusCode.TooManyRequests or >= (int)HttpStatusCode.InternalServerError;

    // Azure.Identity asks Entra through a library whose exceptions have the status of the answer, and no inner exception. The client does not
    // reference it, and a property that is looked up by name may have been trimmed away. The exception's text has the status, too.
    private static int IdentityStatus(Exception cause)
    {
        if (cause.GetType().FullName?.StartsWith(IdentityLibrary, StringComparison.Ordinal) != true)
            return 0;
        var line = StatusLine().Match(cause.ToString());
        return line.Success ? int.Parse(line.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : 0;
    }

    [GeneratedRegex(@"^\s*StatusCode: ([0-9]{3})\b", RegexOptions.Multiline)]
    private static partial Regex StatusLine();
}
