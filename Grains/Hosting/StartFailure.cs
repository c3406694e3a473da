using System.Net.Sockets;
using Microsoft.Extensions.Options;
using OrleansStream.Storage.Azure;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Hosting;

/// <summary>Explains failures to start that the operator can correct: in one line that says what to do, without a stack trace.</summary>
internal static class StartFailure
{
    private const string AzureBlobs = $"{OrleansStreamOptions.SectionName}:Storage:AzureBlobs";

    /// <summary>Explains a failure to start.</summary>
    /// <param name="exception">The exception from building or running the host.</param>
    /// <returns>One line; null when the failure is of another kind, whose exception should be shown whole.</returns>
    public static string? Explain(Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case OptionsValidationException options:
                    return string.Join(" ", options.Failures);
                case DataFolderException:
                    return cause.Message;
                case AzureAccountException account:
                    return $"{account.Message}. {Advise(account.Problem)}";
                case SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse or SocketError.AccessDenied }:
                    return $"{exception.Message} Stop the process that uses the address, or choose another with --urls or "
                        + $"{OrleansStreamOptions.SectionName}:Silo:SiloPort.";
            }
        }

        return null;
    }

    /// <summary>Explains why a host could not be put together from its settings.</summary>
    /// <param name="exception">The exception from building the host.</param>
    /// <returns>One line.</returns>
    public static string ExplainBuild(Exception exception) =>
        Explain(exception) ?? $"OrleansStream cannot start: {exception.Message.ReplaceLineEndings(" ")}";

    private static string Advise(AzureAccountProblem problem) => problem switch
    {
        AzureAccountProblem.Unreachable =>
            $"Nothing serves there: check {AzureBlobs}:ServiceUri or :ConnectionString, and this machine's way to the account.",
        AzureAccountProblem.NoIdentity =>
            "This process got no token for the account: give it a managed identity (AZURE_CLIENT_ID names which, where there are "
            + $"several), sign in with 'az login', or set {AzureBlobs}:ConnectionString in place of :ServiceUri.",
        AzureAccountProblem.ClockSkew =>
            $"An account of {AzureBlobs} refuses what is more than {AzureBlobLimits.ClockSkewMax.TotalMinutes:0} minutes off: set "
            + "this machine's clock.",
        AzureAccountProblem.CredentialRefused =>
            $"Check that the key in {AzureBlobs}:ConnectionString is this account's, or that the identity is of the account's tenant.",
        AzureAccountProblem.KeysNotTaken =>
            $"The account takes identities only: set {AzureBlobs}:ServiceUri in place of :ConnectionString.",
        AzureAccountProblem.ShutOut =>
            $"The account's firewall does not let this machine in: allow its network, or correct {AzureBlobs}:ServiceUri or :ConnectionString.",
        AzureAccountProblem.NoRights =>
            $"Give this process's identity the role Storage Blob Data Contributor on {AzureBlobs}:Container; for an Api node "
            + "that hosts no silo, Storage Blob Data Reader is enough.",
        AzureAccountProblem.NoContainer =>
            $"There is no such container, and this process may not make it: correct {AzureBlobs}:Container, make it, or give the "
            + "process's identity the role Storage Blob Data Contributor on the account.",
        AzureAccountProblem.NoAppendBlobs =>
            "The account takes no append blobs, which segments are: use one of the kind Standard general-purpose v2, such as Standard_ZRS.",
        _ => $"Check {AzureBlobs}:ServiceUri or :ConnectionString, and :Container.",
    };
}
