using System.Net.Sockets;
using Microsoft.Extensions.Options;
using OrleansStream.Storage;
using OrleansStream.Storage.Files;

namespace OrleansStream.Hosting;

/// <summary>Failures to start that are the operator's to correct: one line says what to do, and no stack trace.</summary>
internal static class StartFailure
{
    private const string AzureBlobs = $"{OrleansStreamOptions.SectionName}:Storage:AzureBlobs";

    /// <summary>Explains a failure to start.</summary>
    /// <param name="exception">What was thrown from building or running the host.</param>
    /// <returns>One line; null when the failure is not of that kind and is best shown whole.</returns>
    public static string? Explain(Exception exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case OptionsValidationException options:
                    return string.Join(" ", options.Failures);
                case DataFolderException:
                    return cause.Message;
                case StoreUnavailableException store:
                    return $"{FirstLine(store.Message).TrimEnd('.')}. Check {AzureBlobs}:ServiceUri or :ConnectionString and :Container, that this process "
                        + "may reach the account and has the role Storage Blob Data Contributor, and that its clock is right.";
                case SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse or SocketError.AccessDenied }:
                    return $"{exception.Message} Stop the process that uses the address, or choose another with --urls or "
                        + $"{OrleansStreamOptions.SectionName}:Silo:SiloPort.";
            }
        }

        return null;
    }

    // The account's errors go on for pages; their first line names the cause.
    private static string FirstLine(string message) => message.AsSpan(0, Math.Max(message.AsSpan().IndexOfAny('\r', '\n'), 0)) switch
    {
        { Length: 0 } => message,
        var line => line.ToString(),
    };
}
